#include "lending.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <vector>

#include "dispatch.h"

namespace unrolled {

namespace {

constexpr Index line = 64;

// In front of the memory that is lent, on a line of its own.
struct Header {
    void* allocated;
    Index bytes;
};
static_assert(sizeof(Header) <= line, "the memory begins a line behind its header");

Header* header_of(void* memory) {
    return reinterpret_cast<Header*>(static_cast<char*>(memory) - line);
}

// Never waited for: after a fork it may be held by a thread that the child does not have. Who finds it
// held does without idle memory.
std::mutex guard;
std::vector<void*>& idle() {
    // Never destroyed: memory may come back after static objects have gone.
    static std::vector<void*>* const blocks = new std::vector<void*>;
    return *blocks;
}
// Read without the guard.
std::atomic<Index> idle_bytes{0};

void release(void* memory) { std::free(header_of(memory)->allocated); }

// The smallest idle block that fits and is not more than a quarter too large; null: there is none.
void* take_idle(Index bytes) {
    const std::unique_lock<std::mutex> lock(guard, std::try_to_lock);
    if (!lock) return nullptr;
    std::vector<void*>& blocks = idle();
    auto best = blocks.end();
    for (auto block = blocks.begin(); block != blocks.end(); ++block) {
        const Index size = header_of(*block)->bytes;
        if (size >= bytes && size <= bytes + bytes / 4 &&
            (best == blocks.end() || size < header_of(*best)->bytes))
            best = block;
    }
    if (best == blocks.end()) return nullptr;
    void* const found = *best;
    blocks.erase(best);
    idle_bytes -= header_of(found)->bytes;
    return found;
}

void* allocate(Index bytes) {
    void* const allocated = std::malloc(static_cast<std::size_t>(bytes + 2 * line));
    if (!allocated) throw std::bad_alloc();
    char* const begin = static_cast<char*>(allocated) + line;
    char* const memory = begin + (line - reinterpret_cast<std::uintptr_t>(begin) % line) % line;
    *header_of(memory) = {allocated, bytes};
    prefer_large_pages(memory, bytes);
    return memory;
}

}  // namespace

void* lend(Index bytes) {
    void* memory = take_idle(bytes);
    if (!memory) memory = allocate(bytes);
    if (Scratch::poisoned()) std::memset(memory, 0xff, static_cast<std::size_t>(bytes));
    return memory;
}

void give_back(void* memory) noexcept {
    const Index bytes = header_of(memory)->bytes;
    const std::unique_lock<std::mutex> lock(guard, std::try_to_lock);
    if (!lock) return release(memory);
    std::vector<void*>& blocks = idle();
    // The oldest go first.
    while (!blocks.empty() && idle_bytes + bytes > most_kept_bytes) {
        idle_bytes -= header_of(blocks.front())->bytes;
        release(blocks.front());
        blocks.erase(blocks.begin());
    }
    if (bytes > most_kept_bytes) return release(memory);
    try {
        blocks.push_back(memory);
        idle_bytes += bytes;
    } catch (const std::bad_alloc&) {
        release(memory);
    }
}

Index idle_memory() { return idle_bytes; }

}  // namespace unrolled
