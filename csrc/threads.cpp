#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <type_traits>

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#include <immintrin.h>
#endif
#ifndef _WIN32
#include <dlfcn.h>
#include <pthread.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

namespace unrolled {

namespace {

void pause_briefly() {
#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    __asm__ __volatile__("yield");
#endif
}

// Waits until done() holds: first busily, then giving the processor to others between looks.
template <class Done>
void wait_until(Done done) {
    for (int looks = 0; !done(); ++looks) {
        if (looks < 4000) {
            pause_briefly();
        } else {
            std::this_thread::yield();
        }
    }
}

// How long an idle thread looks for work: first without pause, for calls that follow each other at
// once, then letting others run, for the steps of a training loop.
constexpr auto alert = std::chrono::microseconds(60);
constexpr auto patience = std::chrono::microseconds(1000);

// Linux often wakes a thread on the processor of the one that woke it, where it would stand in its way
// for milliseconds while others are idle. A thread that finds itself there moves elsewhere.
#ifdef __linux__
int this_processor() { return sched_getcpu(); }

void leave_processor(int processor) {
    cpu_set_t allowed, others;
    if (processor < 0 || sched_getcpu() != processor ||
        sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        return;
    others = allowed;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) == 0) return;
    sched_setaffinity(0, sizeof others, &others);
    sched_setaffinity(0, sizeof allowed, &allowed);
}
#else
int this_processor() { return -1; }
void leave_processor(int) {}
#endif

}  // namespace

struct Pool {
    std::mutex taken;  // held by the team that has the pool

    // One call at a time; these are guarded by `sleeping`.
    void (*work)(void*, int) = nullptr;
    void* context = nullptr;
    int size = 1;
    int processor = -1;  // the caller's
    int asleep = 0;      // threads that wait for `wake`
    std::atomic<unsigned> call{0};
    std::atomic<int> running{0};

    std::atomic<int> arrived{0};
    std::atomic<unsigned> round{0};

    std::mutex sleeping;
    std::condition_variable wake;
    int threads = 0;  // besides the caller's

    void grow(int wanted) {
        while (threads < wanted) {
            const int worker = threads + 1;
            const unsigned seen = call.load(std::memory_order_relaxed);
            std::thread([this, worker, seen] { live(worker, seen); }).detach();
            ++threads;
        }
    }

    void live(int worker, unsigned seen) {
        for (;;) {
            const bool slept = wait_for_call(seen);
            void (*my_work)(void*, int);
            void* my_context;
            bool mine;
            int taken_processor;
            {
                // A thread that no call needed for a while may find that it missed some.
                std::lock_guard<std::mutex> lock(sleeping);
                seen = call.load(std::memory_order_relaxed);
                my_work = work;
                my_context = context;
                mine = worker < size;
                taken_processor = processor;
            }
            if (mine) {
                if (slept) leave_processor(taken_processor);
                my_work(my_context, worker);
                running.fetch_sub(1, std::memory_order_release);
            }
        }
    }

    // Returns whether the thread slept.
    bool wait_for_call(unsigned seen) {
        using Clock = std::chrono::steady_clock;
        const auto called = [&] { return call.load(std::memory_order_acquire) != seen; };
        const auto begin = Clock::now();
        for (auto now = begin; now < begin + patience; now = Clock::now()) {
            for (int looks = 0; looks < 100; ++looks) {
                if (called()) return false;
                pause_briefly();
            }
            if (now >= begin + alert) std::this_thread::yield();
        }
        std::unique_lock<std::mutex> lock(sleeping);
        ++asleep;
        wake.wait(lock, called);
        --asleep;
        return true;
    }

    void start(void (*new_work)(void*, int), void* new_context, int new_size) {
        bool any_asleep;
        {
            std::lock_guard<std::mutex> lock(sleeping);
            any_asleep = asleep > 0;
            work = new_work;
            context = new_context;
            size = new_size;
            processor = this_processor();
            running.store(new_size - 1, std::memory_order_relaxed);
            call.fetch_add(1, std::memory_order_release);
        }
        if (!any_asleep) return;
        wake.notify_all();
        std::this_thread::yield();  // a thread woken on this processor can leave it
    }
};

namespace {

// GNU OpenMP's entry for `#pragma omp parallel`, which LLVM's has too.
struct OpenMp {
    void (*parallel)(void (*)(void*), void*, unsigned threads, unsigned flags);
    int (*thread_number)();
    int (*team_size)();
    int (*in_parallel)();
    int (*dynamic)();
    int (*thread_limit)();

    // Whether a region gets as many threads as it asks for.
    bool gives(int threads) const {
        return !in_parallel() && !dynamic() && thread_limit() >= threads;
    }
};
OpenMp openmp_entries;
std::atomic<const OpenMp*> openmp{nullptr};

// One call on OpenMp's threads.
struct SharedCall {
    const OpenMp* entries;
    void (*work)(void*, int);
    void* context;
    int size;
    bool done;  // written by thread 0

    static void enter(void* call) {
        SharedCall& self = *static_cast<SharedCall*>(call);
        if (self.entries->team_size() < self.size) return;
        const int worker = self.entries->thread_number();
        if (worker == 0) self.done = true;
        if (worker < self.size) self.work(self.context, worker);
    }
};

std::mutex making;
Pool* the_pool = nullptr;  // never destroyed: its threads outlive static objects

#ifndef _WIN32
// A fork may come while another thread holds either lock; holding `making` over it and leaving the
// pool behind makes the child start clean.
void before_fork() { making.lock(); }
void after_fork_in_parent() { making.unlock(); }
void after_fork_in_child() {
    the_pool = nullptr;
    openmp.store(nullptr);  // its threads are not in the child, and it does not know
    making.unlock();
}
#endif

Pool* pool() {
    std::lock_guard<std::mutex> lock(making);
    if (!the_pool) {
#ifndef _WIN32
        static const int registered =
            pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
        (void)registered;
#endif
        the_pool = new Pool;
    }
    return the_pool;
}

}  // namespace

bool share_openmp() {
#ifdef _WIN32
    return false;
#else
    pool();  // a fork from now on is noticed
    OpenMp found{};
    bool all = true;
    const auto find = [&all](auto& entry, const char* name) {
        entry = reinterpret_cast<std::remove_reference_t<decltype(entry)>>(dlsym(RTLD_DEFAULT, name));
        all = all && entry;
    };
    find(found.parallel, "GOMP_parallel");
    find(found.thread_number, "omp_get_thread_num");
    find(found.team_size, "omp_get_num_threads");
    find(found.in_parallel, "omp_in_parallel");
    find(found.dynamic, "omp_get_dynamic");
    find(found.thread_limit, "omp_get_thread_limit");
    if (!all) return false;
    if (!openmp.load()) {
        openmp_entries = found;
        openmp.store(&openmp_entries);
    }
    return true;
#endif
}

Team::Team(int wanted, int available) {
    if (wanted > most_threads) wanted = most_threads;
    if (available > most_threads) available = most_threads;
    if (available < wanted) available = wanted;
    if (wanted <= 1) return;
    const OpenMp* shared = openmp.load();
    if (shared && shared->in_parallel()) return;  // its other threads have work of their own
    Pool* candidate = pool();
    if (!candidate->taken.try_lock()) return;
    shares_ = shared && shared->gives(available);
    try {
        if (!shares_) candidate->grow(wanted - 1);
    } catch (const std::exception&) {
        // The system gives no more threads: this call has the caller's alone.
        candidate->taken.unlock();
        return;
    }
    pool_ = candidate;
    size_ = wanted;
    available_ = available;
}

Team::~Team() {
    if (pool_) pool_->taken.unlock();
}

void Team::run(void (*work)(void*, int), void* context) {
    if (size_ == 1) {
        work(context, 0);
        return;
    }
    if (shares_) {
        SharedCall call{&openmp_entries, work, context, size_, false};
        openmp_entries.parallel(SharedCall::enter, &call, static_cast<unsigned>(available_), 0);
        if (!call.done) throw std::runtime_error("OpenMP gave fewer threads than it said it would.");
        return;
    }
    pool_->start(work, context, size_);
    work(context, 0);
    wait_until([&] { return pool_->running.load(std::memory_order_acquire) == 0; });
}

void Team::barrier() {
    if (size_ == 1) return;
    Pool& p = *pool_;
    const unsigned round = p.round.load(std::memory_order_acquire);
    if (p.arrived.fetch_add(1, std::memory_order_acq_rel) == size_ - 1) {
        p.arrived.store(0, std::memory_order_relaxed);
        p.round.fetch_add(1, std::memory_order_release);
        return;
    }
    wait_until([&] { return p.round.load(std::memory_order_acquire) != round; });
}

#if defined(__x86_64__) || defined(_M_X64)

FlushDenormals::FlushDenormals() : before_(_mm_getcsr()) {
    constexpr unsigned flush_to_zero = 0x8000, denormals_are_zero = 0x0040;
    _mm_setcsr(static_cast<unsigned>(before_) | flush_to_zero | denormals_are_zero);
}
FlushDenormals::~FlushDenormals() { _mm_setcsr(static_cast<unsigned>(before_)); }

#elif defined(__aarch64__) && !defined(_MSC_VER)

FlushDenormals::FlushDenormals() {
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(before_));
    __asm__ __volatile__("msr fpcr, %0" : : "r"(before_ | (1ull << 24)));
}
FlushDenormals::~FlushDenormals() { __asm__ __volatile__("msr fpcr, %0" : : "r"(before_)); }

#else

FlushDenormals::FlushDenormals() : before_(0) {}
FlushDenormals::~FlushDenormals() = default;

#endif

}  // namespace unrolled
