// Backpropagation through time of one direction of a layer, from the last step to the first.
//
// A stretch of steps at a time: first the recurrence, step by step, each tile of
// dh = da[j + 1] W_hh followed by the derivatives of the cell while it is in registers; then, while
// the gates' gradients of the stretch are in the cache, those of the inputs and of the weights.
// Two stretches are kept in turn, so that threads meet once a stretch: one may go on while another
// still reads.
#pragma once

#include "backward_memory.h"
#include "derivatives.h"
#include "threads.h"
#include "units.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

template <class CellKind, class T>
class BackwardPass {
    using V = Vec<T>;
    static constexpr int W = V::width;
    static constexpr int G = CellKind::gates, B = CellKind::blocks;
    static constexpr Index wide = panel_width<T>;
    using Memory = BackwardMemory<CellKind, T>;
    using Own = typename Memory::Own;

public:
    BackwardPass(const Sizes& sizes, const Order& order, Sequence<const T> x,
                 Sequence<const T> grad_out, Sequence<T> grad_x, bool add_to_grad_x,
                 const Backward<T>& layer, Partition partition)
        : sizes_(sizes), order_(order), x_(x), grad_out_(grad_out), grad_x_(grad_x),
          add_to_grad_x_(add_to_grad_x), layer_(layer), partition_(partition),
          shape_(sizes, layer.w_hr != nullptr), saved_(shape_, order.first[order.steps]),
          memory_(sizes, order, layer) {}

    Index scratch_size() {
        Arena arena(nullptr);
        memory_.lay_out(arena, sizes_, shape_, grad_x_.data, partition_.workers);
        return arena.size();
    }

    void run(Team& team, char* scratch) {
        Arena arena(scratch);
        memory_.lay_out(arena, sizes_, shape_, grad_x_.data, partition_.workers);
        team_ = &team;
        team.run([](void* self, int worker) { static_cast<BackwardPass*>(self)->work(worker); },
                 this);
    }

private:
    const Sizes& sizes_;
    const Order& order_;
    Sequence<const T> x_, grad_out_;
    Sequence<T> grad_x_;
    bool add_to_grad_x_;
    const Backward<T>& layer_;
    Partition partition_;
    Shape<CellKind, T> shape_;
    Saved<CellKind, T> saved_;
    Memory memory_;
    Team* team_ = nullptr;

    const T* state(Index i, Index j) const {
        if (j < 0) return memory_.start + i * shape_.Pp;
        return layer_.saved + saved_.states + (order_.first[j] + i) * shape_.Pp;
    }
    const T* raw(Index i, Index j) const {
        return layer_.saved + saved_.raw + (order_.first[j] + i) * shape_.Hp;
    }
    // The gradients of a block of gates of a stretch, panel after panel.
    const T* gates_of(int half, int block) const {
        return memory_.da[half] + block * shape_.hidden_panels * memory_.stride;
    }
    const T* gates(Index i, Index j, Index vector) const {
        return layer_.saved + saved_.gates + gates_at(shape_, order_, i, j, vector);
    }

    void prepare(int worker) {
        const int workers = partition_.workers;
        const Index Hp = shape_.Hp, H = sizes_.H;
        Range part = share(shape_.state_panels, worker, workers);
        pack_columns<T>(layer_.w_hh, sizes_.P, CellKind::h_gates, G, H, Hp, part.begin, part.end,
                        memory_.w_hh);
        if (grad_x_.data) {
            part = share(shape_.input_panels, worker, workers);
            pack_columns<T>(layer_.w_ih, sizes_.C, CellKind::x_gates, G, H, Hp, part.begin,
                            part.end, memory_.w_ih);
        }
        if (shape_.projected) {
            const int only[1] = {0};
            part = share(shape_.hidden_panels, worker, workers);
            pack_columns<T>(layer_.w_hr, H, only, 1, sizes_.P, shape_.Pp, part.begin, part.end,
                            memory_.w_hr);
        }
        part = share(sizes_.N, worker, workers);
        const Index N = sizes_.N, Pp = shape_.Pp;
        copy_states(layer_.h0, sizes_.P, Pp, Pp, order_, N, part, memory_.start);
        copy_states<T>(layer_.grad_h_n, sizes_.P, Pp, wide, order_, N, part, memory_.carry);
        if (CellKind::has_c) {
            copy_states<T>(layer_.c0, H, Hp, W, order_, N, part, memory_.start_c);
            copy_states<T>(layer_.grad_c_n, H, Hp, W, order_, N, part, memory_.dc);
        }
    }

    void work(int worker) {
        const FlushDenormals flush;
        prepare(worker);
        team_->barrier();
        const Places places = partition_.places(order_, sizes_.N, worker);
        int half = 0;
        Index end = order_.steps;
        while (end > 0) {
            Index begin = end - 1;
            const Index last = order_.first[end];
            while (begin > 0 && last - order_.first[begin] < block_rows) --begin;
            name_rows(worker, begin, end, half);
            for (Index j = end - 1; j >= begin; --j) {
                recur(worker, places, j, begin, half, j + 1 == end);
                if (partition_.by_units) team_->barrier();
            }
            team_->barrier();
            const Index rows = last - order_.first[begin];
            input_gradients(worker, rows, half, begin);
            weight_gradients(worker, rows, half, begin, end == order_.steps);
            end = begin;
            half = 1 - half;
        }
        first_states(worker, places, 1 - half);
        write(worker);
    }

    // Where the inputs and states of a stretch's positions lie; each worker a part of them.
    void name_rows(int worker, Index begin, Index end, int half) {
        const Index origin = order_.first[begin];
        for (Index j = begin; j < end; ++j) {
            const Range part = share(order_.active[j], worker, partition_.workers);
            for (Index i = part.begin; i < part.end; ++i) {
                const Index s = order_.first[j] + i - origin;
                memory_.h_prev[half][s] = state(i, j - 1);
                memory_.x_row[half][s] = x_.data + order_.time(i, j, layer_.reverse) * x_.step +
                                  order_.row[i] * x_.row;
                if (shape_.projected) memory_.raw[half][s] = raw(i, j);
                memory_.step[half][s] = j;
            }
        }
    }

    // Step j: dh from step j + 1 and from outside, then the derivatives of the cell.
    void recur(int worker, const Places& places, Index j, Index begin, int half, bool last) {
        Own& own = memory_.own[worker];
        const Index origin = order_.first[begin];
        const Index count = places.among(order_.active[j]);
        const Index going_on = places.among(order_.active[j + 1]);
        // da of step j + 1 is in this stretch, or at the beginning of the one before.
        const T* next = gates_of(last ? 1 - half : half, CellKind::h_block);
        const Index offset = last ? 0 : order_.first[j + 1] - origin;
        for (Index k = 0; k < going_on; ++k)
            own.left[k] = next + (offset + places[k]) * wide;
        if (grad_out_.data) {
            for (Index k = 0; k < count; ++k) {
                const Index i = places[k];
                own.grad_out[k] = grad_out_.data +
                                  order_.time(i, j, layer_.reverse) * grad_out_.step +
                                  order_.row[i] * grad_out_.row;
            }
        }
        const Index at = (order_.first[j] - origin) * wide;
        Step<CellKind, T> step{};
        step.places = places;
        step.N = sizes_.N;
        step.H = sizes_.H;
        step.padded = sizes_.H % W != 0;
        step.P = sizes_.P;
        step.Pp = shape_.Pp;
        step.active = order_.active[j];
        step.vectors = shape_.unit_vectors;
        step.panel_stride = memory_.stride;
        step.gate_stride = shape_.hidden_panels * memory_.stride;
        step.ahead = layer_.reverse ? grad_out_.step : -grad_out_.step;
        step.first = j == 0;
        step.grad_out = grad_out_.data ? own.grad_out : nullptr;
        step.gates = gates(0, j, 0);
        step.gates_before = j ? gates(0, j - 1, 0) : nullptr;
        step.active_before = j ? order_.active[j - 1] : 0;
        step.h = state(0, j);
        step.h_prev = state(0, j - 1);
        step.start_c = memory_.start_c;
        step.carry = memory_.carry;
        step.dc = memory_.dc;
        step.da = memory_.da[half] + at;
        step.dh = memory_.dh[half] + at;

        const Range states = partition_.panels(shape_.state_panels, worker);
        if (!shape_.projected) {
            auto finish = [step](Index k, Index p, const T* sums) {
                V dh[2] = {V::load(sums), V::load(sums + W)};
                step.add_outside(k, p, dh);
                step.derivatives(k, p, dh);
            };
            state_product(own, going_on, states, places, finish);
            ended_rows(going_on, count, states, places, finish);
            return;
        }
        if constexpr (CellKind::has_c) recur_projected(own, worker, places, step, going_on, count);
    }

    // The same through the projection: dh of h = W_hr raw first, then that of raw.
    void recur_projected(Own& own, int worker, const Places& places, const Step<CellKind, T>& step,
                         Index going_on, Index count) {
        const Range states = partition_.panels(shape_.state_panels, worker);
        auto keep = [step](Index k, Index p, const T* sums) {
            V dh[2] = {V::load(sums), V::load(sums + W)};
            step.add_outside(k, p, dh);
            T* to = step.dh + p * step.panel_stride + step.places[k] * wide;
            dh[0].store(to);
            dh[1].store(to + W);
        };
        state_product(own, going_on, states, places, keep);
        ended_rows(going_on, count, states, places, keep);
        if (partition_.by_units) team_->barrier();
        for (Index k = 0; k < count; ++k) own.left[k] = step.dh + places[k] * wide;
        const Range hidden = partition_.panels(shape_.hidden_panels, worker);
        const Rows<T> left{own.left, shape_.state_panels, wide, memory_.stride};
        product<2, T>(count, left, memory_.w_hr,
                      hidden.begin, hidden.end, FromZero<T>{},
                      [step](Index k, Index p, const T* sums) {
                          const V dh[2] = {V::load(sums), V::load(sums + W)};
                          step.derivatives(k, p, dh);
                      });
    }

    Rows<T> gate_rows(const T* const* left) const {
        return {left, G * shape_.hidden_panels, wide, memory_.stride};
    }

    template <class Finish>
    void state_product(Own& own, Index count, Range panels, const Places& places,
                       const Finish& finish) {
        const Rows<T> left = gate_rows(own.left);
        if constexpr (CellKind::carries) {
            const FromRows<T> carried{memory_.carry + places.first * wide, places.stride * wide,
                                      sizes_.N * wide};
            product<2, T>(count, left, memory_.w_hh, panels.begin, panels.end, carried, finish);
        } else {
            product<2, T>(count, left, memory_.w_hh, panels.begin, panels.end, FromZero<T>{},
                          finish);
        }
    }

    // Rows whose last step this is: dh is the gradient of their final state.
    template <class Finish>
    void ended_rows(Index from, Index to, Range panels, const Places& places,
                    const Finish& finish) {
        for (Index k = from; k < to; ++k)
            for (Index p = panels.begin; p < panels.end; ++p)
                finish(k, p, memory_.carry + (p * sizes_.N + places[k]) * wide);
    }

    // dx = da W_ih, each worker a part of the positions.
    void input_gradients(int worker, Index rows, int half, Index begin) {
        if (!grad_x_.data) return;
        Own& own = memory_.own[worker];
        const Range part = share(rows, worker, partition_.workers);
        const Index origin = order_.first[begin];
        const T* base = gates_of(half, CellKind::x_block);
        for (Index s = part.begin; s < part.end; ++s) own.left[s - part.begin] = base + s * wide;
        product<2, T>(
            part.end - part.begin, gate_rows(own.left), memory_.w_ih, 0, shape_.input_panels,
            FromZero<T>{}, [&](Index k, Index p, const T* sums) {
                const Index s = part.begin + k, j = memory_.step[half][s];
                const Index i = origin + s - order_.first[j];
                T* to = grad_x_.data + order_.time(i, j, layer_.reverse) * grad_x_.step +
                        order_.row[i] * grad_x_.row + p * wide;
                for (int v = 0; v < 2; ++v, to += W)
                    add_input(V::load(sums + v * W), to, sizes_.C - p * wide - v * W);
            });
    }

    UNROLLED_INLINE void add_input(V dx, T* to, Index left) const {
        if (left >= W) {
            (add_to_grad_x_ ? dx + V::load(to) : dx).store(to);
        } else if (left > 0) {
            (add_to_grad_x_ ? dx + V::load_first(to, left) : dx).store_first(to, left);
        }
    }

    void weight_gradients(int worker, Index rows, int half, Index begin, bool first) {
        const Memory& m = memory_;
        T* const packed = m.own[worker].packed;
        const Index panels = shape_.hidden_panels;
        Range part = share(G * panels, worker, partition_.workers);
        if (m.wants_h) {
            // Before the first step all states are zero, if none are given.
            const Index zeros = begin == 0 && !layer_.h0 ? order_.active[0] : 0;
            add_products(m.h_prev[half] + zeros, rows - zeros, sizes_.P,
                         gates_of(half, CellKind::h_block) + zeros * wide, m.stride, part.begin,
                         part.end, first, m.total_h, packed);
        }
        if (m.wants_x)
            add_products(m.x_row[half], rows, sizes_.C, gates_of(half, CellKind::x_block),
                         m.stride, part.begin, part.end, first, m.total_x, packed);
        if (m.wants_b) {
            part = share(B * panels, worker, partition_.workers);
            add_sums(rows, m.da[half], m.stride, part.begin, part.end, first, m.total_b);
        }
        if (m.wants_hr) {
            part = share(shape_.state_panels, worker, partition_.workers);
            add_products(m.raw[half], rows, sizes_.H, m.dh[half], m.stride, part.begin, part.end,
                         first, m.total_hr, packed);
        }
    }

    // The gradients of the initial states, from da of step 0 at the beginning of its stretch.
    void first_states(int worker, const Places& places, int half) {
        Own& own = memory_.own[worker];
        if (layer_.grad_h0) {
            const Range panels = partition_.panels(shape_.state_panels, worker);
            for (Index k = 0; k < places.count; ++k)
                own.left[k] = gates_of(half, CellKind::h_block) + places[k] * wide;
            auto finish = [&](Index k, Index p, const T* sums) {
                T* to = layer_.grad_h0 + order_.row[places[k]] * sizes_.P + p * wide;
                for (int v = 0; v < 2; ++v) {
                    const Index left = sizes_.P - p * wide - v * W;
                    if (left >= W) {
                        V::load(sums + v * W).store(to + v * W);
                    } else if (left > 0) {
                        V::load(sums + v * W).store_first(to + v * W, left);
                    }
                }
            };
            state_product(own, places.count, panels, places, finish);
        }
        if (layer_.grad_c0) {
            const Range part = share(sizes_.N, worker, partition_.workers);
            const bool all = !partition_.by_units;
            const Index count = all ? places.count : part.end - part.begin;
            for (Index k = 0; k < count; ++k) {
                const Index i = all ? places[k] : part.begin + k;
                T* to = layer_.grad_c0 + order_.row[i] * sizes_.H;
                for (Index c = 0; c < sizes_.H; ++c)
                    to[c] = memory_.dc[(c / W * sizes_.N + i) * W + c % W];
            }
        }
    }

    // From the transposed totals to the gradients in their own shapes; each worker its panels.
    void write(int worker) const {
        const Memory& m = memory_;
        const Index panels = shape_.hidden_panels;
        const Range part = share(G * panels, worker, partition_.workers);
        if (m.wants_h)
            write_weights(m.total_h, part.begin, part.end, CellKind::h_gates, sizes_.P, sizes_.H,
                          panels, layer_.grad_w_hh);
        if (m.wants_x)
            write_weights(m.total_x, part.begin, part.end, CellKind::x_gates, sizes_.C, sizes_.H,
                          panels, layer_.grad_w_ih);
        if (m.wants_hr) {
            const int only[1] = {0};
            const Range states = share(shape_.state_panels, worker, partition_.workers);
            write_weights(m.total_hr, states.begin, states.end, only, sizes_.H, sizes_.P,
                          shape_.state_panels, layer_.grad_w_hr);
        }
        if (m.wants_b) {
            team_->barrier();
            if (worker == 0) {
                write_biases(CellKind::x_block, CellKind::x_gates, layer_.grad_b_ih);
                write_biases(CellKind::h_block, CellKind::h_gates, layer_.grad_b_hh);
            }
        }
    }

    void write_biases(int block, const int* gates, T* grad) const {
        if (!grad) return;
        for (int g = 0; g < G; ++g)
            for (Index u = 0; u < sizes_.H; ++u)
                grad[gates[g] * sizes_.H + u] = memory_.total_b[(block + g) * shape_.Hp + u];
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
