// Random numbers by counting: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers:
// as easy as 1, 2, 3", 2011).
//
// Number c of row r at a site of step n is a function of these and the seed alone: backward draws
// what forward drew, and so does any number of threads.
#pragma once

#include "chain_kernels.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

constexpr int philox_lanes = 8;

constexpr std::uint32_t philox_multiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
constexpr std::uint32_t philox_weyl[2] = {0x9E3779B9u, 0xBB67AE85u};

// Four numbers of each lane, in place of its counter x[.][lane]. A round:
//
//     x0, x1, x2, x3 = high(m1 x2) ^ x1 ^ key0, low(m1 x2), high(m0 x0) ^ x3 ^ key1, low(m0 x0)
#if defined(__AVX2__)

UNROLLED_INLINE void philox(std::uint32_t (&x)[4][philox_lanes], std::uint64_t seed) {
    // Even and odd lanes, each in the lower half of 64 bits; nothing reads the upper halves.
    __m256i word[4][2];
    for (int w = 0; w < 4; ++w) {
        word[w][0] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x[w]));
        word[w][1] = _mm256_srli_epi64(word[w][0], 32);
    }
    const __m256i m0 = _mm256_set1_epi64x(philox_multiplier[0]);
    const __m256i m1 = _mm256_set1_epi64x(philox_multiplier[1]);
    std::uint32_t key0 = static_cast<std::uint32_t>(seed);
    std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        const __m256i k0 = _mm256_set1_epi64x(key0), k1 = _mm256_set1_epi64x(key1);
        for (int half = 0; half < 2; ++half) {
            const __m256i a = _mm256_mul_epu32(m0, word[0][half]);
            const __m256i b = _mm256_mul_epu32(m1, word[2][half]);
            word[0][half] = _mm256_xor_si256(_mm256_srli_epi64(b, 32),
                                             _mm256_xor_si256(word[1][half], k0));
            word[2][half] = _mm256_xor_si256(_mm256_srli_epi64(a, 32),
                                             _mm256_xor_si256(word[3][half], k1));
            word[1][half] = b;
            word[3][half] = a;
        }
        key0 += philox_weyl[0];
        key1 += philox_weyl[1];
    }
    for (int w = 0; w < 4; ++w) {
        const __m256i all = _mm256_blend_epi32(word[w][0], _mm256_slli_epi64(word[w][1], 32), 0xaa);
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(x[w]), all);
    }
}

#else

UNROLLED_INLINE void philox(std::uint32_t (&x)[4][philox_lanes], std::uint64_t seed) {
    for (int lane = 0; lane < philox_lanes; ++lane) {
        std::uint32_t key0 = static_cast<std::uint32_t>(seed);
        std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
        for (int round = 0; round < 10; ++round) {
            const std::uint64_t a = std::uint64_t(philox_multiplier[0]) * x[0][lane];
            const std::uint64_t b = std::uint64_t(philox_multiplier[1]) * x[2][lane];
            x[0][lane] = static_cast<std::uint32_t>(b >> 32) ^ x[1][lane] ^ key0;
            x[2][lane] = static_cast<std::uint32_t>(a >> 32) ^ x[3][lane] ^ key1;
            x[1][lane] = static_cast<std::uint32_t>(b);
            x[3][lane] = static_cast<std::uint32_t>(a);
            key0 += philox_weyl[0];
            key1 += philox_weyl[1];
        }
    }
}

#endif

// Kept is what draws a number of at least probability * 2^32. Columns come 32 at a time: column
// 8 w + i of the n-th 32 draws word w of block 8 n + i.
inline void drop(const Dropout& dropout, Index rows, Index columns, const float* from, float* to,
                 Team& team) {
    const std::uint32_t least_kept =
        static_cast<std::uint32_t>(static_cast<double>(dropout.probability) * 4294967296.0);
    const float scale = 1.0f / (1.0f - dropout.probability);
    std::uint32_t scale_bits;
    std::memcpy(&scale_bits, &scale, sizeof scale);
    constexpr Index numbers = 4 * philox_lanes, W = Vec<float>::width;
    run(team, [&](int worker) {
        const Range part = share(rows, worker, team.size());
        for (Index r = part.begin; r < part.end; ++r) {
            for (Index c = 0; c < columns; c += numbers) {
                std::uint32_t x[4][philox_lanes];
                for (int i = 0; i < philox_lanes; ++i) {
                    x[0][i] = static_cast<std::uint32_t>(c / 4 + i);
                    x[1][i] = static_cast<std::uint32_t>(r);
                    x[2][i] = dropout.step;
                    x[3][i] = dropout.site;
                }
                philox(x, dropout.seed);
                // All ones or all zeros, and the scale's bits: no branch that none can foresee.
                const std::uint32_t* drawn = x[0];
                alignas(64) std::uint32_t bits[numbers];
                for (int i = 0; i < numbers; ++i)
                    bits[i] = (std::uint32_t(drawn[i] < least_kept) - 1) & scale_bits;
                alignas(64) float factor[numbers];
                std::memcpy(factor, bits, sizeof bits);
                float* kept = to + r * columns + c;
                const Index n = least(numbers, columns - c), whole = n / W * W;
                if (!from) {
                    std::memcpy(kept, factor, static_cast<std::size_t>(n) * sizeof(float));
                    continue;
                }
                const float* values = from + r * columns + c;
                for (Index i = 0; i < whole; i += W)
                    (Vec<float>::load(values + i) * Vec<float>::load(factor + i)).store(kept + i);
                for (Index i = whole; i < n; ++i) kept[i] = values[i] * factor[i];
            }
        }
    });
}

inline void scale(Index rows, Index columns, Index N, const float* factors, const Index* which,
                  float* to, Team& team) {
    run(team, [&](int worker) {
        const Range part = share(rows, worker, team.size());
        for (Index r = part.begin; r < part.end; ++r) {
            const float* factor = factors + (which ? which[r] : r % N) * columns;
            float* row = to + r * columns;
            for (Index c = 0; c < columns; ++c) row[c] *= factor[c];
        }
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
