// The scratch memory of a backward pass: what lies in it, and how much it takes.
#pragma once

#include "gradients.h"
#include "threads.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

template <class CellKind, class T>
struct BackwardMemory {
    static constexpr Index G = CellKind::gates, B = CellKind::blocks;
    static constexpr Index wide = panel_width<T>;

    Index capacity;  // positions of a stretch, at most
    Index stride;    // from a panel of a stretch to the next
    bool wants_x, wants_h, wants_b, wants_hr;  // which weights' gradients are wanted

    T* w_hh;        // [state_panels, G * Hp, 2 W]
    T* w_ih;        // [input_panels, G * Hp, 2 W], if grad_x is wanted
    T* w_hr;        // [hidden_panels, Pp, 2 W], if projected
    T* start;       // [N, Pp] initial states by place
    T* start_c;     // [vectors, N, W]
    T* carry;       // [state_panels, N, 2 W] the part of dh by no product; at first grad_h_n
    T* dc;          // [vectors, N, W]
    T* da[2];       // [B * hidden_panels, stride]: gradients of the gates' sums, by position
    T* dh[2];       // [state_panels, stride]: those of the projected states
    T* total_h;     // [G * hidden_panels, groups of P, group, 2 W]: grad_w_hh, transposed
    T* total_x;     // [G * hidden_panels, groups of C, group, 2 W]
    T* total_hr;    // [state_panels, groups of H, group, 2 W]
    T* total_b;     // [B * hidden_panels, 2 W]
    const T** h_prev[2];  // rows of a stretch
    const T** x_row[2];
    const T** raw[2];
    Index* step[2];       // the step of each position of a stretch

    struct Own {
        const T** left;      // rows of da of a step
        const T** grad_out;  // rows of grad_out of a step
        T* packed;           // [packed_size]
    };
    Own own[most_threads];

    BackwardMemory(const Sizes& sizes, const Order& order, const Backward<T>& layer)
        : wants_x(layer.grad_w_ih), wants_h(layer.grad_w_hh),
          wants_b(layer.grad_b_ih || layer.grad_b_hh), wants_hr(layer.grad_w_hr) {
        capacity = least(order.first[order.steps], block_rows + sizes.N);
        // A little more than a multiple of 4 KB: a row's panels meet in no cache set.
        stride = rounded_up(capacity * wide, 1024) + 16 * 17;
    }

    void lay_out(Arena& arena, const Sizes& sizes, const Shape<CellKind, T>& shape,
                 bool wants_grad_x, int workers) {
        const Index Hp = shape.Hp, Pp = shape.Pp, N = sizes.N, panels = shape.hidden_panels;
        const bool projected = shape.projected;
        w_hh = arena.take<T>(shape.state_panels * G * Hp * wide);
        w_ih = arena.take<T>(wants_grad_x ? shape.input_panels * G * Hp * wide : 0);
        w_hr = arena.take<T>(projected ? panels * Pp * wide : 0);
        start = arena.take<T>(N * Pp);
        start_c = arena.take<T>(CellKind::has_c ? N * Hp : 0);
        carry = arena.take<T>(N * Pp);
        dc = arena.take<T>(CellKind::has_c ? N * Hp : 0);
        total_h = arena.take<T>(wants_h ? G * panels * groups_of(sizes.P) * group * wide : 0);
        total_x = arena.take<T>(wants_x ? G * panels * groups_of(sizes.C) * group * wide : 0);
        total_hr = arena.take<T>(
            wants_hr ? shape.state_panels * groups_of(sizes.H) * group * wide : 0);
        total_b = arena.take<T>(wants_b ? B * panels * wide : 0);
        for (int half = 0; half < 2; ++half) {
            da[half] = arena.take<T>(B * panels * stride);
            dh[half] = arena.take<T>(projected ? shape.state_panels * stride : 0);
            h_prev[half] = arena.take<const T*>(capacity);
            x_row[half] = arena.take<const T*>(capacity);
            raw[half] = arena.take<const T*>(projected ? capacity : 0);
            step[half] = arena.take<Index>(capacity);
        }
        const Index longest = greatest(sizes.C, greatest(sizes.P, projected ? sizes.H : 0));
        for (int w = 0; w < workers; ++w) {
            own[w].left = arena.take<const T*>(greatest(N, capacity));
            own[w].grad_out = arena.take<const T*>(N);
            own[w].packed = arena.take<T>(packed_size(longest));
        }
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
