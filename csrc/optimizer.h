// Optimizers over one flat array, by torch's formulas and constants. g is the gradient times `scale`,
// with weight decay added: g + d w (adam, sgd, rmsprop); adamw: w (1 - rate d) first.
//
//     adam, adamw   m = m + (1 - b1) (g - m)                b1 = 0.9
//                   v = b2 v + (1 - b2) g^2                 b2 = 0.999
//                   w = w - rate / (1 - b1^n) m / (sqrt(v) / sqrt(1 - b2^n) + 1e-8)
//     sgd           m = momentum m + g,  w = w - rate m
//     rmsprop       v = 0.99 v + 0.01 g^2,  w = w - rate g / (sqrt(v) + 1e-8)
//
// (Kingma & Ba 2015; Loshchilov & Hutter 2019; Hinton 2012.) The loops are plain: each number is on
// its own, so however the compiler groups them, the bits are the same.
#pragma once

#include <math.h>

#include "chain_kernels.h"
#include "dispatch.h"
#include "team_work.h"
#include "workspace.h"

#ifdef _MSC_VER
#define UNROLLED_RESTRICT __restrict
#else
#define UNROLLED_RESTRICT __restrict__
#endif

namespace unrolled {
namespace UNROLLED_ISA {

#if defined(__GNUC__)
UNROLLED_INLINE float root(float a) { return __builtin_sqrtf(a); }
#else
UNROLLED_INLINE float root(float a) { return sqrtf(a); }
#endif

inline void adam_step(const OptimizerStep& job, Range part) {
    const float* UNROLLED_RESTRICT gradient = job.g;
    float* UNROLLED_RESTRICT weight = job.w;
    float* UNROLLED_RESTRICT mean = job.first;
    float* UNROLLED_RESTRICT square = job.second;
    const bool decoupled = job.kind == Optimizer::adamw;
    const double rate = static_cast<double>(job.rate);
    const float step = static_cast<float>(rate / (1 - pow(0.9, job.step)));
    const float narrowed = static_cast<float>(1 / sqrt(1 - pow(0.999, job.step)));
    const float decay = decoupled ? 0.0f : job.weight_decay;
    const float kept = decoupled ? 1.0f - job.rate * job.weight_decay : 1.0f;
    const float scale = job.scale;
    for (Index i = part.begin; i < part.end; ++i) {
        const float w = weight[i] * kept;
        const float g = gradient[i] * scale + decay * w;
        const float m = mean[i] + 0.1f * (g - mean[i]);
        const float v = 0.999f * square[i] + 0.001f * (g * g);
        mean[i] = m;
        square[i] = v;
        weight[i] = w - step * m / (root(v) * narrowed + 1e-8f);
    }
}

inline void sgd_step(const OptimizerStep& job, Range part) {
    const float* UNROLLED_RESTRICT gradient = job.g;
    float* UNROLLED_RESTRICT weight = job.w;
    float* UNROLLED_RESTRICT momentum = job.first;
    const float decay = job.weight_decay, scale = job.scale, rate = job.rate, kept = job.momentum;
    if (kept == 0.0f) {
        for (Index i = part.begin; i < part.end; ++i)
            weight[i] -= rate * (gradient[i] * scale + decay * weight[i]);
        return;
    }
    for (Index i = part.begin; i < part.end; ++i) {
        const float m = kept * momentum[i] + (gradient[i] * scale + decay * weight[i]);
        momentum[i] = m;
        weight[i] -= rate * m;
    }
}

inline void rmsprop_step(const OptimizerStep& job, Range part) {
    const float* UNROLLED_RESTRICT gradient = job.g;
    float* UNROLLED_RESTRICT weight = job.w;
    float* UNROLLED_RESTRICT square = job.first;
    const float decay = job.weight_decay, scale = job.scale, rate = job.rate;
    for (Index i = part.begin; i < part.end; ++i) {
        const float g = gradient[i] * scale + decay * weight[i];
        const float v = 0.99f * square[i] + 0.01f * (g * g);
        square[i] = v;
        weight[i] -= rate * g / (root(v) + 1e-8f);
    }
}

inline void optimizer_step(const OptimizerStep& job, Team& team) {
    run(team, [&](int worker) {
        const Range part = share(job.P, worker, team.size());
        switch (job.kind) {
            case Optimizer::sgd:
                return sgd_step(job, part);
            case Optimizer::rmsprop:
                return rmsprop_step(job, part);
            default:
                return adam_step(job, part);
        }
    });
}

// A sum of double precision for each block, then the sum of these: the same for any number of threads.
inline double sum_of_squares(Index P, const float* g, Team& team) {
    constexpr Index block = 4096;
    constexpr int lanes = 16;
    const Index blocks = parts(P, block);
    const Scratch scratch(blocks * Index(sizeof(double)));
    double* const partial = reinterpret_cast<double*>(scratch.data());
    run(team, [&](int worker) {
        const Range part = share(blocks, worker, team.size());
        for (Index n = part.begin; n < part.end; ++n) {
            const float* from = g + n * block;
            const Index count = least(block, P - n * block);
            double sum[lanes] = {};
            Index i = 0;
            for (; i + lanes <= count; i += lanes) {
                for (int lane = 0; lane < lanes; ++lane) {
                    const double a = static_cast<double>(from[i + lane]);
                    sum[lane] += a * a;
                }
            }
            for (; i < count; ++i) {
                const double a = static_cast<double>(from[i]);
                sum[i % lanes] += a * a;
            }
            partial[n] = 0;
            for (int lane = 0; lane < lanes; ++lane) partial[n] += sum[lane];
        }
    });
    double sum = 0;
    for (Index n = 0; n < blocks; ++n) sum += partial[n];
    return sum;
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
