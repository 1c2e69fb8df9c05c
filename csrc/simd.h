// One vector type for every instruction set: Vec<float> and Vec<double>.
//
// kernels.cpp is compiled once for each instruction set, with the compiler's flags for it and
// UNROLLED_ISA as the name of the namespace, so that no code of one set is ever linked into another;
// dispatch.cpp chooses at run time. Within a set every product is an explicit fma (contraction of
// a * b + c by the compiler is off): how rows are grouped into tiles cannot change a bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__) || defined(__AVX512F__)
#include <immintrin.h>
#elif defined(__aarch64__) || defined(_M_ARM64)
#define UNROLLED_NEON 1
#include <arm_neon.h>
#endif

#if defined(_MSC_VER) && !defined(__clang__)
#define UNROLLED_INLINE __forceinline
#define UNROLLED_NOINLINE __declspec(noinline)
#else
#define UNROLLED_INLINE inline __attribute__((always_inline))
#define UNROLLED_NOINLINE __attribute__((noinline))
#endif

#if defined(__clang__)
#define UNROLLED_UNROLL_1 _Pragma("clang loop unroll(disable)")
#define UNROLLED_UNROLL_4 _Pragma("clang loop unroll_count(4)")
#elif defined(__GNUC__)
#define UNROLLED_UNROLL_1 _Pragma("GCC unroll 1")
#define UNROLLED_UNROLL_4 _Pragma("GCC unroll 4")
#else
#define UNROLLED_UNROLL_1
#define UNROLLED_UNROLL_4
#endif

namespace unrolled {

using Index = std::ptrdiff_t;

namespace UNROLLED_ISA {

// Asks for the cache line at p; any address will do.
UNROLLED_INLINE void prefetch(const void* p) {
#if defined(_MSC_VER) && !defined(__clang__)
    (void)p;
#else
    __builtin_prefetch(p);
#endif
}

// Ends a series of `stream`s: what they wrote is seen by other threads before what comes after.
UNROLLED_INLINE void finish_streams() {
#if defined(__AVX2__) || defined(__AVX512F__)
    _mm_sfence();
#endif
}

// stream: a store that leaves the cache to others; p on a boundary of a vector.
// width: elements of a vector; registers: vector registers of the instruction set.
template <class T>
struct Vec;

#if defined(__AVX512F__)

constexpr int registers = 32;

template <>
struct Vec<float> {
    static constexpr int width = 16;
    __m512 v;
    static Vec zero() { return {_mm512_setzero_ps()}; }
    static Vec all(float a) { return {_mm512_set1_ps(a)}; }
    static Vec load(const float* p) { return {_mm512_loadu_ps(p)}; }
    void store(float* p) const { _mm512_storeu_ps(p, v); }
    void stream(float* p) const { _mm512_stream_ps(p, v); }
    static __mmask16 mask(Index n) { return static_cast<__mmask16>((1u << n) - 1); }
    static Vec load_first(const float* p, Index n) { return {_mm512_maskz_loadu_ps(mask(n), p)}; }
    void store_first(float* p, Index n) const { _mm512_mask_storeu_ps(p, mask(n), v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm512_div_ps(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
    static Vec min(Vec a, Vec b) { return {_mm512_min_ps(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {_mm512_max_ps(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a.v, _mm512_setzero_ps(), _CMP_GT_OQ), b.v)};
    }
    static Vec power_of_two(Vec a) {
        __m512i n = _mm512_slli_epi32(_mm512_castps_si512(a.v), 23);
        return {_mm512_castsi512_ps(_mm512_add_epi32(n, _mm512_set1_epi32(0x3f800000)))};
    }
};

template <>
struct Vec<double> {
    static constexpr int width = 8;
    __m512d v;
    static Vec zero() { return {_mm512_setzero_pd()}; }
    static Vec all(double a) { return {_mm512_set1_pd(a)}; }
    static Vec load(const double* p) { return {_mm512_loadu_pd(p)}; }
    void store(double* p) const { _mm512_storeu_pd(p, v); }
    void stream(double* p) const { _mm512_stream_pd(p, v); }
    static __mmask8 mask(Index n) { return static_cast<__mmask8>((1u << n) - 1); }
    static Vec load_first(const double* p, Index n) { return {_mm512_maskz_loadu_pd(mask(n), p)}; }
    void store_first(double* p, Index n) const { _mm512_mask_storeu_pd(p, mask(n), v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm512_add_pd(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm512_sub_pd(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm512_mul_pd(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm512_div_pd(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
    static Vec min(Vec a, Vec b) { return {_mm512_min_pd(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {_mm512_max_pd(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        return {_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(a.v, _mm512_setzero_pd(), _CMP_GT_OQ), b.v)};
    }
    static Vec power_of_two(Vec a) {
        __m512i n = _mm512_slli_epi64(_mm512_castpd_si512(a.v), 52);
        return {_mm512_castsi512_pd(_mm512_add_epi64(n, _mm512_set1_epi64(0x3ff0000000000000)))};
    }
};

#elif defined(__AVX2__)

constexpr int registers = 16;

template <>
struct Vec<float> {
    static constexpr int width = 8;
    __m256 v;
    static Vec zero() { return {_mm256_setzero_ps()}; }
    static Vec all(float a) { return {_mm256_set1_ps(a)}; }
    static Vec load(const float* p) { return {_mm256_loadu_ps(p)}; }
    void store(float* p) const { _mm256_storeu_ps(p, v); }
    void stream(float* p) const { _mm256_stream_ps(p, v); }
    static __m256i mask(Index n) {
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
    }
    static Vec load_first(const float* p, Index n) { return {_mm256_maskload_ps(p, mask(n))}; }
    void store_first(float* p, Index n) const { _mm256_maskstore_ps(p, mask(n), v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm256_add_ps(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_ps(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_ps(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm256_div_ps(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
    static Vec min(Vec a, Vec b) { return {_mm256_min_ps(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {_mm256_max_ps(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        return {_mm256_and_ps(_mm256_cmp_ps(a.v, _mm256_setzero_ps(), _CMP_GT_OQ), b.v)};
    }
    static Vec power_of_two(Vec a) {
        __m256i n = _mm256_slli_epi32(_mm256_castps_si256(a.v), 23);
        return {_mm256_castsi256_ps(_mm256_add_epi32(n, _mm256_set1_epi32(0x3f800000)))};
    }
};

template <>
struct Vec<double> {
    static constexpr int width = 4;
    __m256d v;
    static Vec zero() { return {_mm256_setzero_pd()}; }
    static Vec all(double a) { return {_mm256_set1_pd(a)}; }
    static Vec load(const double* p) { return {_mm256_loadu_pd(p)}; }
    void store(double* p) const { _mm256_storeu_pd(p, v); }
    void stream(double* p) const { _mm256_stream_pd(p, v); }
    static __m256i mask(Index n) {
        const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
        return _mm256_cmpgt_epi64(_mm256_set1_epi64x(static_cast<long long>(n)), lane);
    }
    static Vec load_first(const double* p, Index n) { return {_mm256_maskload_pd(p, mask(n))}; }
    void store_first(double* p, Index n) const { _mm256_maskstore_pd(p, mask(n), v); }
    friend Vec operator+(Vec a, Vec b) { return {_mm256_add_pd(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {_mm256_sub_pd(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {_mm256_mul_pd(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {_mm256_div_pd(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
    static Vec min(Vec a, Vec b) { return {_mm256_min_pd(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {_mm256_max_pd(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        return {_mm256_and_pd(_mm256_cmp_pd(a.v, _mm256_setzero_pd(), _CMP_GT_OQ), b.v)};
    }
    static Vec power_of_two(Vec a) {
        __m256i n = _mm256_slli_epi64(_mm256_castpd_si256(a.v), 52);
        return {_mm256_castsi256_pd(_mm256_add_epi64(n, _mm256_set1_epi64x(0x3ff0000000000000)))};
    }
};

#elif defined(UNROLLED_NEON)

constexpr int registers = 32;

template <>
struct Vec<float> {
    static constexpr int width = 4;
    float32x4_t v;
    static Vec zero() { return {vdupq_n_f32(0)}; }
    static Vec all(float a) { return {vdupq_n_f32(a)}; }
    static Vec load(const float* p) { return {vld1q_f32(p)}; }
    void store(float* p) const { vst1q_f32(p, v); }
    void stream(float* p) const { store(p); }
    static Vec load_first(const float* p, Index n) {
        float part[width] = {};
        for (Index i = 0; i < n; ++i) part[i] = p[i];
        return load(part);
    }
    void store_first(float* p, Index n) const {
        float part[width];
        store(part);
        for (Index i = 0; i < n; ++i) p[i] = part[i];
    }
    friend Vec operator+(Vec a, Vec b) { return {vaddq_f32(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {vsubq_f32(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {vmulq_f32(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {vdivq_f32(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
    static Vec min(Vec a, Vec b) { return {vminq_f32(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {vmaxq_f32(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        uint32x4_t positive = vcgtq_f32(a.v, vdupq_n_f32(0));
        return {vreinterpretq_f32_u32(vandq_u32(positive, vreinterpretq_u32_f32(b.v)))};
    }
    static Vec power_of_two(Vec a) {
        int32x4_t n = vshlq_n_s32(vreinterpretq_s32_f32(a.v), 23);
        return {vreinterpretq_f32_s32(vaddq_s32(n, vdupq_n_s32(0x3f800000)))};
    }
};

template <>
struct Vec<double> {
    static constexpr int width = 2;
    float64x2_t v;
    static Vec zero() { return {vdupq_n_f64(0)}; }
    static Vec all(double a) { return {vdupq_n_f64(a)}; }
    static Vec load(const double* p) { return {vld1q_f64(p)}; }
    void store(double* p) const { vst1q_f64(p, v); }
    void stream(double* p) const { store(p); }
    static Vec load_first(const double* p, Index n) {
        double part[width] = {};
        for (Index i = 0; i < n; ++i) part[i] = p[i];
        return load(part);
    }
    void store_first(double* p, Index n) const {
        double part[width];
        store(part);
        for (Index i = 0; i < n; ++i) p[i] = part[i];
    }
    friend Vec operator+(Vec a, Vec b) { return {vaddq_f64(a.v, b.v)}; }
    friend Vec operator-(Vec a, Vec b) { return {vsubq_f64(a.v, b.v)}; }
    friend Vec operator*(Vec a, Vec b) { return {vmulq_f64(a.v, b.v)}; }
    friend Vec operator/(Vec a, Vec b) { return {vdivq_f64(a.v, b.v)}; }
    static Vec fma(Vec a, Vec b, Vec c) { return {vfmaq_f64(c.v, a.v, b.v)}; }
    static Vec fnma(Vec a, Vec b, Vec c) { return {vfmsq_f64(c.v, a.v, b.v)}; }
    static Vec min(Vec a, Vec b) { return {vminq_f64(a.v, b.v)}; }
    static Vec max(Vec a, Vec b) { return {vmaxq_f64(a.v, b.v)}; }
    static Vec where_positive(Vec a, Vec b) {
        uint64x2_t positive = vcgtq_f64(a.v, vdupq_n_f64(0));
        return {vreinterpretq_f64_u64(vandq_u64(positive, vreinterpretq_u64_f64(b.v)))};
    }
    static Vec power_of_two(Vec a) {
        int64x2_t n = vshlq_n_s64(vreinterpretq_s64_f64(a.v), 52);
        return {vreinterpretq_f64_s64(vaddq_s64(n, vdupq_n_s64(0x3ff0000000000000)))};
    }
};

#else

// Plain C++; compilers keep such small arrays in whatever vector registers there are.
constexpr int registers = 16;

template <class T>
struct Vec {
    static constexpr int width = 16 / sizeof(T);
    T v[width];
    template <class F>
    static UNROLLED_INLINE Vec each(F f) {
        Vec result;
        for (int i = 0; i < width; ++i) result.v[i] = f(i);
        return result;
    }
    static Vec zero() { return all(0); }
    static Vec all(T a) { return each([&](int) { return a; }); }
    static Vec load(const T* p) { return each([&](int i) { return p[i]; }); }
    void store(T* p) const {
        for (int i = 0; i < width; ++i) p[i] = v[i];
    }
    void stream(T* p) const { store(p); }
    static Vec load_first(const T* p, Index n) {
        return each([&](int i) { return i < n ? p[i] : T(0); });
    }
    void store_first(T* p, Index n) const {
        for (Index i = 0; i < n && i < width; ++i) p[i] = v[i];
    }
    friend Vec operator+(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] + b.v[i]; }); }
    friend Vec operator-(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] - b.v[i]; }); }
    friend Vec operator*(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] * b.v[i]; }); }
    friend Vec operator/(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] / b.v[i]; }); }
    static Vec fma(const Vec& a, const Vec& b, const Vec& c) {
        return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
    }
    static Vec fnma(const Vec& a, const Vec& b, const Vec& c) {
        return each([&](int i) { return c.v[i] - a.v[i] * b.v[i]; });
    }
    static Vec min(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }
    static Vec max(const Vec& a, const Vec& b) { return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
    static Vec where_positive(const Vec& a, const Vec& b) {
        return each([&](int i) { return a.v[i] > 0 ? b.v[i] : T(0); });
    }
    static Vec power_of_two(const Vec& a) {
        return each([&](int i) {
            using Bits = typename Integer<sizeof(T)>::type;
            constexpr int mantissa = sizeof(T) == 4 ? 23 : 52;
            constexpr Bits one = sizeof(T) == 4 ? Bits(0x3f800000) : Bits(0x3ff0000000000000);
            Bits bits;
            std::memcpy(&bits, &a.v[i], sizeof bits);
            bits = (bits << mantissa) + one;
            T power;
            std::memcpy(&power, &bits, sizeof power);
            return power;
        });
    }

private:
    template <int size, int = 0>
    struct Integer {
        using type = std::uint64_t;
    };
    template <int unused>
    struct Integer<4, unused> {
        using type = std::uint32_t;
    };
};

#endif

// The first n elements of a, the others zero.
template <class T>
UNROLLED_INLINE Vec<T> first_elements(Vec<T> a, Index n) {
    alignas(64) T elements[Vec<T>::width];
    a.store(elements);
    return Vec<T>::load_first(elements, n);
}

// Element j of vector i becomes element i of vector j.
template <class T>
UNROLLED_INLINE void transpose(Vec<T> (&m)[Vec<T>::width]) {
    constexpr int W = Vec<T>::width;
    alignas(64) T square[W][W], turned[W][W];
    for (int i = 0; i < W; ++i) m[i].store(square[i]);
    for (int i = 0; i < W; ++i)
        for (int j = 0; j < W; ++j) turned[j][i] = square[i][j];
    for (int i = 0; i < W; ++i) m[i] = Vec<T>::load(turned[i]);
}

#if defined(__AVX2__) && !defined(__AVX512F__)
template <>
UNROLLED_INLINE void transpose<float>(Vec<float> (&m)[8]) {
    __m256 pair[8], quad[8];
    for (int i = 0; i < 8; i += 2) {
        pair[i] = _mm256_unpacklo_ps(m[i].v, m[i + 1].v);
        pair[i + 1] = _mm256_unpackhi_ps(m[i].v, m[i + 1].v);
    }
    for (int i = 0; i < 8; i += 4) {
        for (int half = 0; half < 2; ++half) {
            quad[i + 2 * half] = _mm256_shuffle_ps(pair[i + half], pair[i + half + 2], 0x44);
            quad[i + 2 * half + 1] = _mm256_shuffle_ps(pair[i + half], pair[i + half + 2], 0xee);
        }
    }
    for (int i = 0; i < 4; ++i) {
        m[i].v = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x20);
        m[i + 4].v = _mm256_permute2f128_ps(quad[i], quad[i + 4], 0x31);
    }
}
#endif

}  // namespace UNROLLED_ISA
}  // namespace unrolled
