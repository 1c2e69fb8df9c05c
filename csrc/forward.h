// All steps of one direction of a layer.
//
// For a stretch of steps at a time, small enough to stay in the cache, the input's part of the gates
// is one product; then each step adds the state's part tile by tile, and the equations of the cell
// are done on each tile while it is in registers.
#pragma once

#include "threads.h"
#include "units.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

template <class CellKind, class T>
class ForwardPass {
    using V = Vec<T>;
    static constexpr int W = V::width;
    static constexpr int G = CellKind::gates, U = CellKind::vectors;
    static constexpr Index columns = Shape<CellKind, T>::gate_columns;
    static constexpr Index stretch_bytes = 128 * 1024;

public:
    ForwardPass(const Sizes& sizes, const Order& order, Sequence<const T> x, Sequence<T> out,
                const Forward<T>& layer, Partition partition)
        : sizes_(sizes), order_(order), x_(x), out_(out), layer_(layer), partition_(partition),
          shape_(sizes, layer.w_hr != nullptr), saved_(shape_, order.first[order.steps]) {}

    static Index saved_size(const Sizes& sizes, Index S, bool projected) {
        const Shape<CellKind, T> shape(sizes, projected);
        return Saved<CellKind, T>(shape, S).size;
    }

    // Bytes of the weights and biases as they are read here, for calls that share them.
    static Index packed_size(const Sizes& sizes, bool projected) {
        Packed packed;
        Arena arena(nullptr);
        packed.lay_out(Shape<CellKind, T>(sizes, projected), sizes, arena);
        return arena.size();
    }

    static void pack(const Sizes& sizes, const Forward<T>& layer, char* to) {
        const Shape<CellKind, T> shape(sizes, layer.w_hr != nullptr);
        Packed packed;
        Arena arena(to);
        packed.lay_out(shape, sizes, arena);
        packed.fill(shape, sizes, layer, 0, 1);
    }

    static Index gate_size(const Sizes& sizes) {
        return Shape<CellKind, T>(sizes, false).gate_panels * columns;
    }

    // Each row as its panels lie, one behind the other.
    static void fold(const Sizes& sizes, const char* from, Index V, const T* x, T* to) {
        const Shape<CellKind, T> shape(sizes, false);
        Packed packed;
        Arena arena(const_cast<char*>(from));
        packed.lay_out(shape, sizes, arena);
        const Index size = shape.gate_panels * columns;
        for (Index n = 0; n < V; n += sums) {
            const Index count = least(sums, V - n);
            const T* rows[sums];
            for (Index q = 0; q < count; ++q) rows[q] = x + (n + q) * sizes.C;
            product_of_inputs(packed, count, rows, sizes.C, {0, shape.gate_panels}, to + n * size,
                              size, columns);
        }
    }

    Index scratch_size() {
        Arena arena(nullptr);
        lay_out(arena);
        return arena.size();
    }

    void run(Team& team, char* scratch) {
        Arena arena(scratch);
        lay_out(arena);
        team_ = &team;
        team.run([](void* self, int worker) { static_cast<ForwardPass*>(self)->work(worker); },
                 this);
    }

private:
    const Sizes& sizes_;
    const Order& order_;
    Sequence<const T> x_;
    Sequence<T> out_;
    const Forward<T>& layer_;
    Partition partition_;
    Shape<CellKind, T> shape_;
    Saved<CellKind, T> saved_;
    Team* team_ = nullptr;

    struct Packed {
        T* w_ih;  // [gate_panels, C, columns]
        T* w_hh;  // [gate_panels, P, columns]
        T* w_hr;  // [state_panels, H, 2 W]
        T* b_x;   // [gate_panels, columns]: what a_x starts from
        T* b_h;   // [gate_panels, columns]: gru: b_hn at the place of n, what m starts from

        void lay_out(const Shape<CellKind, T>& shape, const Sizes& sizes, Arena& arena) {
            w_ih = arena.take<T>(shape.gate_panels * sizes.C * columns);
            w_hh = arena.take<T>(shape.gate_panels * sizes.P * columns);
            w_hr = arena.take<T>(shape.projected ? shape.state_panels * sizes.H * 2 * W : 0);
            b_x = arena.take<T>(shape.gate_panels * columns);
            b_h = arena.take<T>(shape.gate_panels * columns);
        }

        // The share of one worker.
        void fill(const Shape<CellKind, T>& shape, const Sizes& sizes, const Forward<T>& layer,
                  int worker, int workers) const {
            const Index H = sizes.H;
            const Range gates = share(shape.gate_panels, worker, workers);
            pack_gates<U, G, T>(layer.w_ih, H, sizes.C, gates.begin, gates.end, w_ih);
            pack_gates<U, G, T>(layer.w_hh, H, sizes.P, gates.begin, gates.end, w_hh);
            for (Index p = gates.begin; p < gates.end; ++p) {
                for (int v = 0; v < U * G; ++v) {
                    const int g = v % G;
                    const bool apart = CellKind::splits_biases && g == G - 1;
                    const Index first = (p * U + v / G) * W;
                    T* x = b_x + p * columns + v * W;
                    T* h = b_h + p * columns + v * W;
                    for (Index lane = 0; lane < W; ++lane) {
                        const Index unit = first + lane;
                        const T ih = layer.b_ih && unit < H ? layer.b_ih[g * H + unit] : T(0);
                        const T hh = layer.b_hh && unit < H ? layer.b_hh[g * H + unit] : T(0);
                        x[lane] = apart ? ih : ih + hh;
                        h[lane] = hh;
                    }
                }
            }
            if (!shape.projected) return;
            const Range states = share(shape.state_panels, worker, workers);
            pack_gates<2, 1, T>(layer.w_hr, sizes.P, H, states.begin, states.end, w_hr);
        }
    };

    // Shared scratch, or what the caller has packed before.
    Packed packed_;

    // Shared scratch.
    T* start_;  // [N, Pp] initial states by place
    T* c_;      // [vectors, N, W] cell states by place
    T* state_;  // [2, N, Pp] states of even and odd steps, inference
    T* raw_;    // [N, Hp] o * tanh(c) before the projection, inference

    // Each worker's scratch, one after the other.
    struct Own {
        T* a_x;               // [its panels, rows of a stretch, columns]
        const T** rows;       // x rows of a stretch
        const T** h;          // state rows of a step
        const T** raw;        // unprojected rows of a step
        T** out;              // output rows of a step
    };
    Own own_[most_threads];

    bool keeps() const { return layer_.saved != nullptr; }

    Index stretch_rows(Index places, Index panels) const {
        const Index fit = stretch_bytes / (greatest(1, panels) * columns * Index(sizeof(T)));
        const Index all = order_.first[order_.steps];
        return least(greatest(places, fit), greatest(places, all));
    }

    void lay_out(Arena& arena) {
        Arena lent(const_cast<char*>(layer_.packed));
        packed_.lay_out(shape_, sizes_, layer_.packed ? lent : arena);
        start_ = arena.take<T>(sizes_.N * shape_.Pp);
        c_ = arena.take<T>(CellKind::has_c ? sizes_.N * shape_.Hp : 0);
        state_ = arena.take<T>(keeps() ? 0 : 2 * sizes_.N * shape_.Pp);
        raw_ = arena.take<T>(shape_.projected && !keeps() ? sizes_.N * shape_.Hp : 0);
        for (int w = 0; w < partition_.workers; ++w) {
            const Places places = partition_.places(order_, sizes_.N, w);
            const Range panels = partition_.panels(shape_.gate_panels, w);
            const Index rows = stretch_rows(places.count, panels.end - panels.begin);
            own_[w].a_x = arena.take<T>(rows * (panels.end - panels.begin) * columns);
            own_[w].rows = arena.take<const T*>(rows);
            own_[w].h = arena.take<const T*>(places.count);
            own_[w].raw = arena.take<const T*>(places.count);
            own_[w].out = arena.take<T*>(places.count);
        }
    }

    // The state of place i after step j; j = -1: before the first.
    T* state(Index i, Index j) const {
        if (j < 0) return start_ + i * shape_.Pp;
        if (keeps()) return layer_.saved + saved_.states + (order_.first[j] + i) * shape_.Pp;
        return state_ + ((j & 1) * sizes_.N + i) * shape_.Pp;
    }

    T* raw(Index i, Index j) const {
        if (keeps()) return layer_.saved + saved_.raw + (order_.first[j] + i) * shape_.Hp;
        return raw_ + i * shape_.Hp;
    }

    void prepare(int worker) {
        if (!layer_.packed) packed_.fill(shape_, sizes_, layer_, worker, partition_.workers);
        const Range rows = share(sizes_.N, worker, partition_.workers);
        copy_states(layer_.h0, sizes_.P, shape_.Pp, shape_.Pp, order_, sizes_.N, rows, start_);
        if (CellKind::has_c)
            copy_states<T>(layer_.c0, sizes_.H, shape_.Hp, W, order_, sizes_.N, rows, c_);
    }

    void work(int worker) {
        const FlushDenormals flush;
        prepare(worker);
        team_->barrier();
        const Places places = partition_.places(order_, sizes_.N, worker);
        const Range panels = partition_.panels(shape_.gate_panels, worker);
        const Range states = partition_.panels(shape_.state_panels, worker);
        const Index capacity = stretch_rows(places.count, panels.end - panels.begin);
        for (Index j = 0; j < order_.steps;) {
            const Index end = input_product(worker, places, panels, j, capacity);
            Index position = 0;
            for (; j < end; ++j) {
                const Index count = places.among(order_.active[j]);
                step(worker, places, panels, states, j, count, position, capacity);
                position += count;
                if (partition_.by_units) team_->barrier();
            }
        }
        finish_streams();
        finish(share(sizes_.N, worker, partition_.workers), places);
    }

    // a_x = W_ih x + b of the steps from j on that fit the worker's memory; returns the next step.
    Index input_product(int worker, const Places& places, Range panels, Index j, Index capacity) {
        Own& own = own_[worker];
        Index rows = 0;
        for (; j < order_.steps; ++j) {
            const Index count = places.among(order_.active[j]);
            if (rows && rows + count > capacity) break;
            for (Index k = 0; k < count; ++k) {
                const Index i = places[k];
                own.rows[rows + k] = x_.data + order_.time(i, j, layer_.reverse) * x_.step +
                                     order_.row[i] * x_.row;
            }
            rows += count;
        }
        const Index panel = capacity * columns;
        if (!layer_.folded) {
            product_of_inputs(packed_, rows, own.rows, sizes_.C, panels, own.a_x, columns, panel);
            return j;
        }
        for (Index p = panels.begin; p < panels.end; ++p)
            for (Index q = 0; q < rows; ++q)
                copy_gates(own.rows[q] + p * columns,
                           own.a_x + (p - panels.begin) * panel + q * columns);
        return j;
    }

    // W_ih x + b of row q and panel p to to + q * row + (p - panels.begin) * panel.
    static void product_of_inputs(const Packed& packed, Index count, const T* const* x, Index C,
                                  Range panels, T* to, Index row, Index panel) {
        product<U * G, T>(count, Rows<T>::contiguous(x, C), packed.w_ih, panels.begin, panels.end,
                          FromPanel<T>{packed.b_x}, [=](Index q, Index p, const T* sums) {
                              copy_gates(sums, to + q * row + (p - panels.begin) * panel);
                          });
    }

    static UNROLLED_INLINE void copy_gates(const T* from, T* to) {
        for (int v = 0; v < U * G; ++v) V::load(from + v * W).store(to + v * W);
    }

    void step(int worker, const Places& places, Range panels, Range states, Index j, Index count,
              Index position, Index capacity) {
        Own& own = own_[worker];
        for (Index k = 0; k < count; ++k) {
            const Index i = places[k];
            own.h[k] = state(i, j - 1);
            own.out[k] = out_.data + order_.time(i, j, layer_.reverse) * out_.step +
                         order_.row[i] * out_.row;
        }
        const Index H = sizes_.H;
        const Index panel = capacity * columns;
        const T* a_x = own.a_x + position * columns - panels.begin * panel;
        // Values of their own: a store through one pointer makes the compiler read all others again.
        const Places mine = places;
        const Index N = sizes_.N, active = order_.active[j];
        const bool keep = keeps(), projected = shape_.projected;
        const T* const* h_prev = own.h;
        T* const* out = own.out;
        T* const c = c_;
        T* const saved_gates =
            keep ? layer_.saved + saved_.gates + gates_at(shape_, order_, 0, j, 0) : nullptr;
        const bool aligned = reinterpret_cast<std::uintptr_t>(saved_gates) % (W * sizeof(T)) == 0;
        T* const to = projected ? raw(0, j) : state(0, j);
        const Index to_row = projected ? shape_.Hp : shape_.Pp;
        // The next step's memory, asked for early.
        const Index ahead = layer_.reverse ? -out_.step : out_.step;
        auto activate = [](T* sums) { CellKind::template activate<T>(sums); };
        auto equations = [=](Index k, Index p, const T* sums) {
            const Index i = mine[k];
            for (int u = 0; u < U; ++u) {
                const Index vector = p * U + u, at = vector * W;
                Unit<T> unit{};
                if (CellKind::splits_biases) unit.a_x = a_x + k * columns + p * panel + (G - 1) * W;
                if (CellKind::carries) unit.h_prev = h_prev[k] + at;
                if (CellKind::has_c) unit.c = c + (vector * N + i) * W;
                if (CellKind::slots && keep)
                    unit.saved = saved_gates + (vector * active + i) * (CellKind::slots * W);
                unit.aligned = aligned;
                const V h = CellKind::template forward<T>(sums + u * G * W, unit);
                h.store(to + i * to_row + at);
                if (!projected) {
                    store_output(h, out[k] + at, H - at);
                    prefetch(out[k] + at + ahead);
                }
            }
        };
        // Before the first step all states are zero, if none are given.
        const bool nothing = j == 0 && !layer_.h0;
        const Rows<T> left = Rows<T>::contiguous(own.h, nothing ? 0 : sizes_.P);
        if constexpr (CellKind::splits_biases) {
            product<U * G, T>(count, left, packed_.w_hh, panels.begin, panels.end,
                              FromRowsAndPanel<T>{a_x, columns, panel, packed_.b_h}, activate,
                              equations);
        } else {
            product<U * G, T>(count, left, packed_.w_hh, panels.begin, panels.end,
                              FromRows<T>{a_x, columns, panel}, activate, equations);
        }
        if constexpr (CellKind::has_c) {
            if (shape_.projected) project(worker, places, states, j, count);
        }
    }

    // h' = W_hr (o * tanh(c'))
    void project(int worker, const Places& places, Range states, Index j, Index count) {
        Own& own = own_[worker];
        if (partition_.by_units) team_->barrier();
        for (Index k = 0; k < count; ++k) own.raw[k] = raw(places[k], j);
        product<2, T>(count, Rows<T>::contiguous(own.raw, sizes_.H), packed_.w_hr,
                      states.begin, states.end, FromZero<T>{}, [&](Index k, Index p, const T* sums) {
                          for (int v = 0; v < 2; ++v) {
                              const Index at = (p * 2 + v) * W;
                              const V h = V::load(sums + v * W);
                              h.store(state(places[k], j) + at);
                              store_output(h, own.out[k] + at, sizes_.P - at);
                          }
                      });
    }

    static UNROLLED_INLINE void store_output(V h, T* to, Index columns_left) {
        if (columns_left >= W) {
            h.store(to);
        } else if (columns_left > 0) {
            h.store_first(to, columns_left);
        }
    }

    // Final states, and zeros at padding; each worker its own rows, which no other still writes.
    void finish(Range rows, const Places& places) {
        const bool all = !partition_.by_units;
        const Index count = all ? places.count : rows.end - rows.begin;
        for (Index k = 0; k < count; ++k) {
            const Index i = all ? places[k] : rows.begin + k;
            const Index row = order_.row[i], length = order_.length[i];
            const T* h = state(i, length - 1);
            for (Index c = 0; c < sizes_.P; ++c) layer_.h_n[row * sizes_.P + c] = h[c];
            if (CellKind::has_c) {
                for (Index c = 0; c < sizes_.H; ++c)
                    layer_.c_n[row * sizes_.H + c] = c_[(c / W * sizes_.N + i) * W + c % W];
            }
            for (Index t = length; t < sizes_.T; ++t) {
                T* padding = out_.data + t * out_.step + row * out_.row;
                for (Index c = 0; c < sizes_.P; ++c) padding[c] = 0;
            }
        }
    }
};

}  // namespace UNROLLED_ISA
}  // namespace unrolled
