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

// Four numbers of each lane, in place of its counter x[.][lane].
UNROLLED_INLINE void philox(std::uint32_t (&x)[4][philox_lanes], std::uint64_t seed) {
    std::uint32_t key0 = static_cast<std::uint32_t>(seed);
    std::uint32_t key1 = static_cast<std::uint32_t>(seed >> 32);
    for (int round = 0; round < 10; ++round) {
        for (int lane = 0; lane < philox_lanes; ++lane) {
            const std::uint64_t a = std::uint64_t(0xD2511F53u) * x[0][lane];
            const std::uint64_t b = std::uint64_t(0xCD9E8D57u) * x[2][lane];
            const std::uint32_t x1 = x[1][lane], x3 = x[3][lane];
            x[0][lane] = static_cast<std::uint32_t>(b >> 32) ^ x1 ^ key0;
            x[1][lane] = static_cast<std::uint32_t>(b);
            x[2][lane] = static_cast<std::uint32_t>(a >> 32) ^ x3 ^ key1;
            x[3][lane] = static_cast<std::uint32_t>(a);
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

// Kept is what draws a number of at least probability * 2^32.
inline void drop(const Dropout& dropout, Index rows, Index columns, const float* from, float* to,
                 Team& team) {
    const std::uint32_t least_kept =
        static_cast<std::uint32_t>(static_cast<double>(dropout.probability) * 4294967296.0);
    const float scale = 1.0f / (1.0f - dropout.probability);
    constexpr Index numbers = 4 * philox_lanes;
    run(team, [&](int worker) {
        const Range part = share(rows, worker, team.size());
        for (Index r = part.begin; r < part.end; ++r) {
            for (Index c = 0; c < columns; c += numbers) {
                std::uint32_t x[4][philox_lanes];
                for (int lane = 0; lane < philox_lanes; ++lane) {
                    x[0][lane] = static_cast<std::uint32_t>(c / 4 + lane);
                    x[1][lane] = static_cast<std::uint32_t>(r);
                    x[2][lane] = dropout.step;
                    x[3][lane] = dropout.site;
                }
                philox(x, dropout.seed);
                const Index n = least(numbers, columns - c);
                const float* row = from + r * columns + c;
                float* kept = to + r * columns + c;
                for (Index i = 0; i < n; ++i)
                    kept[i] = x[i % 4][i / 4] >= least_kept ? row[i] * scale : 0.0f;
            }
        }
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
