// Losses of scores y and targets t, one number a row, and their gradients.
//
//     squared    e^2,  e = y - t                    2 e
//     absolute   |e|                                sign e
//     huber      e^2 / 2 where |e| <= 1,            max(-1, min(1, e))
//                else |e| - 1/2
//     quantile   max(-q e, (1 - q) e)               -q where e < 0, 1 - q where e > 0
//     binary     log(1 + exp(y)) - t y              s(y) - t
//     softmax    log(sum of exp(y)) - y_t           softmax(y) - (1 at t)
//
// and of likelihoods.h. All but the softmax are means over the outputs of a row, or over its targets where
// several outputs describe a distribution of each. A target that is missing (NaN, class -1) adds
// nothing. Where e = 0 the gradient of a kink is the mean of its sides, as torch has it.
#pragma once

#include <math.h>

#include "chain_kernels.h"
#include "gates.h"
#include "likelihoods.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

struct PointLoss {
    double loss, gradient;
};

inline PointLoss point_loss(Loss kind, double y, double t, double level) {
    const double e = y - t;
    switch (kind) {
        case Loss::squared:
            return {e * e, 2 * e};
        case Loss::absolute:
            return {fabs(e), e > 0 ? 1.0 : e < 0 ? -1.0 : e};
        case Loss::huber:
            if (fabs(e) <= 1) return {0.5 * e * e, e};
            return {fabs(e) - 0.5, e > 0 ? 1.0 : e < 0 ? -1.0 : e};
        case Loss::quantile:
            if (e > 0) return {(1 - level) * e, 1 - level};
            return {-level * e, e < 0 ? -level : 0.5 - level + e};
        default: {  // binary cross-entropy: log(1 + exp(-|y|)) + max(y, 0) - t y
            const double power = exp(-fabs(y));
            const double share = 1 / (1 + power);
            return {log1p(power) + (y > 0 ? y : 0) - t * y, (y >= 0 ? share : power * share) - t};
        }
    }
}

inline double point_row(const Losses& job, Index r, const float* scores, float* grad) {
    const Index Q = job.each, K = job.K;
    const float* y = job.y + job.target[r] * job.columns;
    const double factor = grad ? static_cast<double>(job.factor[r]) / static_cast<double>(K) : 0.0;
    double sum = 0;
    for (Index k = 0; k < K; ++k) {
        const float t = y[k / Q];
        PointLoss result{0, 0};
        if (t == t)
            result = point_loss(job.kind, static_cast<double>(scores[k]), static_cast<double>(t),
                                job.levels ? static_cast<double>(job.levels[k % Q]) : 0.0);
        sum += result.loss;
        if (grad) grad[k] = static_cast<float>(result.gradient * factor);
    }
    return sum / static_cast<double>(K);
}

inline double distribution_row(const Losses& job, Index r, const float* scores, float* grad) {
    const Index P = job.each, targets = job.K / P;
    const float* y = job.y + job.target[r] * job.columns;
    const double count = static_cast<double>(targets);
    const double factor = grad ? static_cast<double>(job.factor[r]) / count : 0.0;
    double sum = 0;
    for (Index k = 0; k < targets; ++k) {
        const Likelihood result = likelihood(job.kind, scores + k * P, y, k);
        sum += result.loss;
        if (!grad) continue;
        for (Index p = 0; p < P; ++p)
            grad[k * P + p] = static_cast<float>(result.gradient[p] * factor);
    }
    return sum / count;
}

inline double softmax_row(const Losses& job, Index r, const float* scores, float* grad) {
    using V = Vec<float>;
    constexpr int W = V::width;
    const Index K = job.K, t = job.classes[job.target[r]], whole = K / W * W;
    if (t < 0) {
        if (grad)
            for (Index k = 0; k < K; ++k) grad[k] = 0.0f;
        return 0;
    }
    // The last vector, filled up with what stands first.
    alignas(64) float lane[W];
    for (int i = 0; i < W; ++i) lane[i] = whole + i < K ? scores[whole + i] : scores[0];
    const V rest = V::load(lane);
    V most = V::max(V::all(scores[0]), rest);
    for (Index k = 0; k < whole; k += W) most = V::max(most, V::load(scores + k));
    most.store(lane);
    float largest = lane[0];
    for (int i = 1; i < W; ++i) largest = lane[i] > largest ? lane[i] : largest;

    const double chosen = static_cast<double>(scores[t]) - static_cast<double>(largest);
    const V shift = V::all(largest), lowest = V::all(-Expansion<float>::largest + 1.0f);
    const auto power = [=](V y) {
        const Exponential<float> e = exponential<float>(V::max(lowest, y - shift));
        return V::fma(e.power, e.part, e.power);
    };
    V total = V::zero();
    for (Index k = 0; k < whole; k += W) {
        const V e = power(V::load(scores + k));
        total = total + e;
        if (grad) e.store(grad + k);
    }
    const Index left = K - whole;
    if (left) {
        const V e = first_elements<float>(power(rest), left);
        total = total + e;
        if (grad) e.store_first(grad + whole, left);
    }
    total.store(lane);
    float sum = 0;
    for (int i = 0; i < W; ++i) sum += lane[i];
    if (grad) {
        const float scale = job.factor[r] / sum;
        for (Index k = 0; k < K; ++k) grad[k] *= scale;
        grad[t] -= job.factor[r];
    }
    return log(static_cast<double>(sum)) - chosen;
}

inline double loss_row(const Losses& job, Index r, const float* scores, float* grad) {
    switch (job.kind) {
        case Loss::cross_entropy:
            return softmax_row(job, r, scores, grad);
        case Loss::normal:
        case Loss::student_t:
        case Loss::negative_binomial:
            return distribution_row(job, r, scores, grad);
        default:
            return point_row(job, r, scores, grad);
    }
}

inline void losses(const Losses& job, Team& team) {
    run(team, [&](int worker) {
        const Range rows = share(job.R, worker, team.size());
        for (Index r = rows.begin; r < rows.end; ++r) {
            const float* scores = job.scores + r * job.K;
            float* grad = job.grad ? job.grad + r * job.K : nullptr;
            job.loss[r] = loss_row(job, r, scores, grad);
        }
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
