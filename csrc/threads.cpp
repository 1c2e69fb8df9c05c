#include "threads.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#include <immintrin.h>
#endif
#ifndef _WIN32
#include <pthread.h>
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

constexpr auto patience = std::chrono::microseconds(60);

}  // namespace

struct Pool {
    std::mutex taken;  // held by the team that has the pool

    // One call at a time; these three are guarded by `sleeping`.
    void (*work)(void*, int) = nullptr;
    void* context = nullptr;
    int size = 1;
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
            wait_for_call(seen);
            void (*my_work)(void*, int);
            void* my_context;
            bool mine;
            {
                // A thread that no call needed for a while may find that it missed some.
                std::lock_guard<std::mutex> lock(sleeping);
                seen = call.load(std::memory_order_relaxed);
                my_work = work;
                my_context = context;
                mine = worker < size;
            }
            if (mine) {
                my_work(my_context, worker);
                running.fetch_sub(1, std::memory_order_release);
            }
        }
    }

    void wait_for_call(unsigned seen) {
        const auto end = std::chrono::steady_clock::now() + patience;
        do {
            for (int looks = 0; looks < 100; ++looks) {
                if (call.load(std::memory_order_acquire) != seen) return;
                pause_briefly();
            }
        } while (std::chrono::steady_clock::now() < end);
        std::unique_lock<std::mutex> lock(sleeping);
        wake.wait(lock, [&] { return call.load(std::memory_order_acquire) != seen; });
    }

    void start(void (*new_work)(void*, int), void* new_context, int new_size) {
        {
            std::lock_guard<std::mutex> lock(sleeping);
            work = new_work;
            context = new_context;
            size = new_size;
            running.store(new_size - 1, std::memory_order_relaxed);
            call.fetch_add(1, std::memory_order_release);
        }
        wake.notify_all();
    }
};

namespace {

std::mutex making;
Pool* the_pool = nullptr;  // never destroyed: its threads outlive static objects

#ifndef _WIN32
// A fork may come while another thread holds either lock; holding `making` over it and leaving the
// pool behind makes the child start clean.
void before_fork() { making.lock(); }
void after_fork_in_parent() { making.unlock(); }
void after_fork_in_child() {
    the_pool = nullptr;
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

Team::Team(int wanted) {
    if (wanted <= 1) return;
    Pool* candidate = pool();
    if (!candidate->taken.try_lock()) return;
    try {
        candidate->grow(wanted - 1);
    } catch (const std::system_error&) {
        // The system gives no more threads: this call has the caller's alone.
        candidate->taken.unlock();
        return;
    }
    pool_ = candidate;
    size_ = wanted;
}

Team::~Team() {
    if (pool_) pool_->taken.unlock();
}

void Team::run(void (*work)(void*, int), void* context) {
    if (size_ == 1) {
        work(context, 0);
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
