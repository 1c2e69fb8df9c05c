// The thread pool: one for the process, made at first use.
//
// A Team takes the pool for one call. If another Python thread has it, the team is one thread, the
// caller: calls never wait for each other. The pool's idle threads look for work for a millisecond,
// then sleep. After a fork the child makes a pool of its own.
//
// After share_openmp the threads of torch's OpenMP do the work instead: they look for work for some
// milliseconds after each of torch's own operations, and a second set of threads would have to share
// the processors with them, and wait.
#pragma once

namespace unrolled {

constexpr int most_threads = 256;  // of a team

struct Pool;

// Uses the threads of the OpenMP library that torch has loaded for all the process to see, from now on.
// Returns whether there is one.
bool share_openmp();

class Team {
public:
    // `wanted` threads; `available`: how many torch would use. OpenMP is always asked for all of them,
    // since it ends threads that a call leaves out and torch's next operation would make them again.
    Team(int wanted, int available);
    ~Team();
    Team(const Team&) = delete;
    Team& operator=(const Team&) = delete;

    int size() const { return size_; }

    // Calls work(context, w) for each w < size(), each on a thread of its own, w = 0 on the caller's,
    // and returns when all have returned.
    void run(void (*work)(void* context, int worker), void* context);

    // Within run: waits until all workers are here.
    void barrier();

private:
    Pool* pool_ = nullptr;
    int size_ = 1;
    int available_ = 1;
    bool shares_ = false;  // OpenMP's threads
};

// While it lives, numbers too small for a normal exponent count as zero on this thread.
class FlushDenormals {
public:
    FlushDenormals();
    ~FlushDenormals();
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

private:
    unsigned long long before_;
};

}  // namespace unrolled
