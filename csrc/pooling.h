// Rows put together: pooling of states over the valid steps, and the gradient of embedded symbols.
#pragma once

#include "chain_kernels.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

inline void pool(const Pool& job, Team& team) {
    run(team, [&](int worker) {
        const Range rows = share(job.N, worker, team.size());
        for (Index n = rows.begin; n < rows.end; ++n) {
            const float* h = job.states.data + n * job.states.row;
            float* to = job.pooled + n * job.F;
            for (Index c = 0; c < job.F; ++c) to[c] = h[c];
            for (Index t = 1; t < job.lengths[n]; ++t) {
                h += job.states.step;
                if (job.kind == Pooling::mean) {
                    for (Index c = 0; c < job.F; ++c) to[c] += h[c];
                } else {
                    // A state that is not a number stays the largest, as in torch.
                    for (Index c = 0; c < job.F; ++c) to[c] = to[c] >= h[c] || to[c] != to[c] ? to[c] : h[c];
                }
            }
            if (job.kind == Pooling::mean) {
                const float steps = static_cast<float>(job.lengths[n]);
                for (Index c = 0; c < job.F; ++c) to[c] /= steps;
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

inline void add_rows(Index S, Index E, const float* const* rows, const Index* index, float* total,
                     Team& team) {
    run(team, [&](int worker) {
        const Range columns = share(E, worker, team.size());
        for (Index s = 0; s < S; ++s) {
            const float* from = rows[s];
            float* to = total + index[s] * E;
            for (Index c = columns.begin; c < columns.end; ++c) to[c] += from[c];
        }
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
