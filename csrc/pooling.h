// Rows put together: pooling of states over the valid steps, and the gradient of embedded symbols.
#pragma once

#include "chain_kernels.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Of F columns, some at a time, in double precision: a float's sum of a million steps is off by 1 %.
inline void mean_of_steps(const float* states, Index step, Index steps, Index F, float* to) {
    constexpr Index together = 64;
    for (Index begin = 0; begin < F; begin += together) {
        const Index count = least(together, F - begin);
        double sum[together] = {};
        const float* from = states + begin;
        for (Index t = 0; t < steps; ++t, from += step)
            for (Index c = 0; c < count; ++c) sum[c] += static_cast<double>(from[c]);
        for (Index c = 0; c < count; ++c)
            to[begin + c] = static_cast<float>(sum[c] / static_cast<double>(steps));
    }
}

inline void pool(const Pool& job, Team& team) {
    run(team, [&](int worker) {
        const Range rows = share(job.N, worker, team.size());
        for (Index n = rows.begin; n < rows.end; ++n) {
            const float* h = job.states.data + n * job.states.row;
            float* to = job.pooled + n * job.F;
            if (job.kind == Pooling::mean) {
                mean_of_steps(h, job.states.step, job.lengths[n], job.F, to);
                continue;
            }
            for (Index c = 0; c < job.F; ++c) to[c] = h[c];
            for (Index t = 1; t < job.lengths[n]; ++t) {
                h += job.states.step;
                // A state that is not a number stays the largest, as in torch.
                for (Index c = 0; c < job.F; ++c)
                    to[c] = to[c] >= h[c] || to[c] != to[c] ? to[c] : h[c];
            }
        }
    });
}

inline void pool_backward(const PoolBackward& job, Team& team) {
    run(team, [&](int worker) {
        const Range rows = share(job.N, worker, team.size());
        for (Index n = rows.begin; n < rows.end; ++n) {
            const float* most = job.pooled + n * job.F;
            const float* grad = job.grad_pooled + n * job.F;
            const float* h = job.states.data + n * job.states.row;
            float* to = job.grad_states.data + n * job.grad_states.row;
            for (Index c = 0; c < job.F; ++c) {
                float equal = 0;
                for (Index t = 0; t < job.lengths[n]; ++t)
                    equal += h[t * job.states.step + c] == most[c] ? 1.0f : 0.0f;
                const float each = equal > 0 ? grad[c] / equal : 0.0f;
                for (Index t = 0; t < job.lengths[n]; ++t)
                    to[t * job.grad_states.step + c] =
                        h[t * job.states.step + c] == most[c] ? each : 0.0f;
            }
        }
    });
}

inline void add_rows(Index S, Index E, const float* const* rows, const Index* index,
                     const float* factors, float* total, Team& team) {
    run(team, [&](int worker) {
        const Range columns = share(E, worker, team.size());
        for (Index s = 0; s < S; ++s) {
            const float* from = rows[s];
            float* to = total + index[s] * E;
            const float factor = factors ? factors[index[s]] : 1.0f;
            for (Index c = columns.begin; c < columns.end; ++c) to[c] += factor * from[c];
        }
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
