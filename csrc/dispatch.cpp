#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#ifdef _MSC_VER
#include <intrin.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace unrolled {

extern const InstructionSet instruction_set_plain;
#ifdef UNROLLED_HAS_AVX2
extern const InstructionSet instruction_set_avx2;
#endif
#ifdef UNROLLED_HAS_AVX512
extern const InstructionSet instruction_set_avx512;
#endif
#ifdef UNROLLED_HAS_NEON
extern const InstructionSet instruction_set_neon;
#endif

namespace {

#if defined(UNROLLED_HAS_AVX2) || defined(UNROLLED_HAS_AVX512)
#ifdef _MSC_VER
// Whether the processor has all bits of ebx of cpuid's leaf 7, and the system saves the registers.
bool processor_has(unsigned leaf_7, unsigned long long saved_registers) {
    int leaf[4];
    __cpuid(leaf, 1);
    const bool fma = leaf[2] & (1 << 12), saves = leaf[2] & (1 << 27);
    if (!fma || !saves || (_xgetbv(0) & saved_registers) != saved_registers) return false;
    __cpuidex(leaf, 7, 0);
    return (static_cast<unsigned>(leaf[1]) & leaf_7) == leaf_7;
}
bool has_avx2() { return processor_has(1u << 5, 0x6); }
// /arch:AVX512 lets the compiler use F, DQ, CD, BW and VL.
bool has_avx512() {
    return processor_has(1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31, 0xe6);
}
#else
[[maybe_unused]] bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
[[maybe_unused]] bool has_avx512() { return __builtin_cpu_supports("avx512f"); }
#endif
#endif

std::vector<const InstructionSet*> find_instruction_sets() {
    std::vector<const InstructionSet*> found;
#ifdef UNROLLED_HAS_AVX512
    if (has_avx512()) found.push_back(&instruction_set_avx512);
#endif
#ifdef UNROLLED_HAS_AVX2
    if (has_avx2()) found.push_back(&instruction_set_avx2);
#endif
#ifdef UNROLLED_HAS_NEON
    found.push_back(&instruction_set_neon);
#endif
    found.push_back(&instruction_set_plain);
    return found;
}

std::atomic<const InstructionSet*>& in_use() {
    static std::atomic<const InstructionSet*> set{instruction_sets().front()};
    return set;
}

}  // namespace

const std::vector<const InstructionSet*>& instruction_sets() {
    static const std::vector<const InstructionSet*> sets = find_instruction_sets();
    return sets;
}

const InstructionSet& instruction_set() { return *in_use().load(); }

bool use_instruction_set(const char* name) {
    for (const InstructionSet* set : instruction_sets()) {
        if (std::strcmp(set->name, name) == 0) {
            in_use().store(set);
            return true;
        }
    }
    return false;
}

template <>
const Kernels<float>& kernels<float>() {
    return instruction_set().single_precision;
}
template <>
const Kernels<double>& kernels<double>() {
    return instruction_set().double_precision;
}

namespace {

std::atomic<bool> poisoning{false};

constexpr Index kept_bytes = Index(64) << 20;

// What a thread keeps between calls: new pages cost more than small calls do.
struct Kept {
    char* data = nullptr;
    Index size = 0;
    ~Kept() { std::free(data); }
};

thread_local Kept kept;

char* allocate(Index size) {
    // 64 bytes more, so that the beginning can be put on a cache line.
    char* data = static_cast<char*>(std::malloc(static_cast<std::size_t>(size) + 64));
    if (!data) throw std::bad_alloc();
    return data;
}

char* aligned(char* data) {
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    return data + (64 - address % 64) % 64;
}

}  // namespace

void prefer_large_pages(void* data, Index bytes) {
#ifdef MADV_HUGEPAGE
    constexpr std::uintptr_t page = 4096;
    constexpr Index worth = Index(4) << 20;
    if (bytes < worth) return;
    const auto address = reinterpret_cast<std::uintptr_t>(data);
    const std::uintptr_t begin = (address + page - 1) / page * page;
    const std::uintptr_t end = (address + static_cast<std::uintptr_t>(bytes)) / page * page;
    // Only a wish: where the system does not grant it, pages stay small.
    (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#else
    (void)data;
    (void)bytes;
#endif
}

Scratch::Scratch(Index size) {
    if (size > kept.size) {
        std::free(kept.data);
        kept.data = nullptr;
        kept.size = 0;
        kept.data = allocate(size);
        kept.size = size;
        prefer_large_pages(kept.data, size);
    }
    data_ = aligned(kept.data);
    if (size && poisoned()) std::memset(data_, 0xff, static_cast<std::size_t>(size));  // NaN
}

Scratch::~Scratch() {
    if (kept.size > kept_bytes) {
        std::free(kept.data);
        kept.data = nullptr;
        kept.size = 0;
    }
}

void Scratch::poison(bool on) { poisoning.store(on); }
bool Scratch::poisoned() { return poisoning.load(); }

}  // namespace unrolled
