// The derivatives of a cell for one step of backward: what comes from outside, and what goes on.
#pragma once

#include "units.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

// What the derivatives of one step read and write, for each of its rows and panels. Values of its
// own: a store through one pointer would make the compiler read all others again.
template <class CellKind, class T>
struct Step {
    using V = Vec<T>;
    static constexpr int W = V::width, B = CellKind::blocks;
    static constexpr Index wide = panel_width<T>;

    Places places;
    Index N, H, P, Pp, active, vectors, panel_stride, gate_stride, ahead;
    bool first;   // whether this is step 0
    bool padded;  // whether the last vector of units is not full
    const T* const* grad_out;  // rows of grad_out, or null
    const T* gates;            // Saved::gates of this step, and of the one before
    const T* gates_before;
    Index active_before;
    const T* h;  // states after this step, and before it
    const T* h_prev;
    const T* start_c;
    T *carry, *dc, *da, *dh;

    // dh += grad_out
    UNROLLED_INLINE void add_outside(Index k, Index p, V* sum) const {
        if (!grad_out) return;
        const T* from = grad_out[k] + p * wide;
        prefetch(from + ahead);
        for (int v = 0; v < 2; ++v, from += W) {
            const Index left = P - p * wide - v * W;
            if (left >= W) {
                sum[v] = sum[v] + V::load(from);
            } else if (left > 0) {
                sum[v] = sum[v] + V::load_first(from, left);
            }
        }
    }

    UNROLLED_INLINE void derivatives(Index k, Index p, const V* sum) const {
        const Index i = places[k];
        for (int v = 0; v < 2; ++v) {
            const Index vector = p * 2 + v;
            V result[B];
            if (vector < vectors) {
                UnitBack<T> unit{};
                constexpr Index size = CellKind::slots * W;
                if (CellKind::slots) unit.saved = gates + (vector * active + i) * size;
                if (!CellKind::slots) unit.h = h + i * Pp + vector * W;
                if (CellKind::carries) {
                    unit.h_prev = h_prev + i * Pp + vector * W;
                    unit.carry = carry + (p * N + i) * wide + v * W;
                }
                if (CellKind::has_c) {
                    unit.c_prev = first ? start_c + (vector * N + i) * W
                                        : gates_before + (vector * active_before + i) * size +
                                              (CellKind::slots - 1) * W;
                    unit.dc = dc + (vector * N + i) * W;
                }
                CellKind::template backward<T>(sum[v], unit, result);
                // Beside units that are infinite, those that only pad are not a number.
                if (vector == vectors - 1 && padded) {
                    for (int b = 0; b < B; ++b) result[b] = first_elements<T>(result[b], H - vector * W);
                }
            } else {
                for (int b = 0; b < B; ++b) result[b] = V::zero();
            }
            T* to = da + p * panel_stride + i * wide + v * W;
            for (int b = 0; b < B; ++b) result[b].store(to + b * gate_stride);
        }
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
