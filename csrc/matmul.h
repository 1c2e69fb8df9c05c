// The products of the recurrences, as tiles that stay in registers.
//
// A tile is R rows by V vectors of columns: each of its R * V sums is one register, and grows by one
// fma for each k, in rising order of k, whatever R is and whichever rows share the tile. A row's
// result is therefore the same bits in any company and on any number of threads.
//
//     left side   R rows, read where they lie, one element broadcast at a time
//     right side  a panel [K, V * width], packed so that it is read from its beginning to its end
//
// With 16 registers a tile has 12 sums: 6 x 2, 4 x 3 or 3 x 4, for V = 2 (plain columns), 3 (the
// gates of a GRU) and 4 (those of an LSTM); the rest hold what is being multiplied.
#pragma once

#include "layer.h"
#include "simd.h"

namespace unrolled {
namespace UNROLLED_ISA {

constexpr int sums = registers == 32 ? 16 : 12;

template <int V>
constexpr int tile_rows = sums / V;

// Columns of a plain panel: two vectors.
template <class T>
constexpr int panel_width = 2 * Vec<T>::width;

constexpr Index least(Index a, Index b) { return a < b ? a : b; }
constexpr Index greatest(Index a, Index b) { return a < b ? b : a; }
constexpr Index parts(Index whole, Index part) { return (whole + part - 1) / part; }
constexpr Index rounded_up(Index a, Index multiple) { return parts(a, multiple) * multiple; }

// Rows of a left side; element k of row i is row[i][first + (k / block) * stride + k % block].
template <class T>
struct Rows {
    const T* const* row;
    Index blocks, block, stride;
    Index first = 0;

    static Rows contiguous(const T* const* row, Index columns) { return {row, 1, columns, 0}; }
    Index columns() const { return blocks * block; }

    // Columns begin to end; where there are several blocks, whole ones.
    Rows part(Index begin, Index end) const {
        if (blocks == 1) return {row, 1, end - begin, 0, first + begin};
        return {row, (end - begin) / block, block, stride, first + begin / block * stride};
    }
};

// sum[p][r][v] += rows[r][k] * panels[p][k][v], over all k.
template <int R, int P, int V, class T>
UNROLLED_INLINE void multiply_add(Vec<T> (&sum)[P][R][V], const T* const* rows, const Rows<T>& left,
                                  const T* panels, Index panel_size) {
    constexpr int W = Vec<T>::width;
    const T* a[R];
    for (int r = 0; r < R; ++r) a[r] = rows[r] + left.first;
    const T* b = panels;
    for (Index n = 0; n < left.blocks; ++n) {
        UNROLLED_UNROLL_4
        for (Index k = 0; k < left.block; ++k) {
            Vec<T> x[R];
            for (int r = 0; r < R; ++r) x[r] = Vec<T>::all(a[r][k]);
            for (int p = 0; p < P; ++p) {
                for (int v = 0; v < V; ++v) {
                    const Vec<T> w = Vec<T>::load(b + p * panel_size + v * W);
                    for (int r = 0; r < R; ++r) sum[p][r][v] = Vec<T>::fma(x[r], w, sum[p][r][v]);
                }
            }
            b += V * W;
        }
        for (int r = 0; r < R; ++r) a[r] += left.stride;
    }
}

// As above for a tile that is higher than wide: the panel's vectors are held, the rows pass by.
template <int R, int V, class T>
UNROLLED_INLINE void multiply_add_high(Vec<T> (&sum)[1][R][V], const T* const* rows,
                                       const Rows<T>& left, const T* panel) {
    constexpr int W = Vec<T>::width;
    const T* a[R];
    for (int r = 0; r < R; ++r) a[r] = rows[r] + left.first;
    const T* b = panel;
    for (Index n = 0; n < left.blocks; ++n) {
        UNROLLED_UNROLL_4
        for (Index k = 0; k < left.block; ++k) {
            Vec<T> w[V];
            for (int v = 0; v < V; ++v) w[v] = Vec<T>::load(b + v * W);
            for (int r = 0; r < R; ++r) {
                const Vec<T> x = Vec<T>::all(a[r][k]);
                for (int v = 0; v < V; ++v) sum[0][r][v] = Vec<T>::fma(x, w[v], sum[0][r][v]);
            }
            b += V * W;
        }
        for (int r = 0; r < R; ++r) a[r] += left.stride;
    }
}

// What the sums of row i and panel p start from.
template <class T>
struct FromZero {
    template <int V>
    UNROLLED_INLINE void operator()(Index, Index, Vec<T> (&sum)[V]) const {
        for (int v = 0; v < V; ++v) sum[v] = Vec<T>::zero();
    }
};

// The same for all rows: panels [V * width].
template <class T>
struct FromPanel {
    const T* panels;
    template <int V>
    UNROLLED_INLINE void operator()(Index, Index p, Vec<T> (&sum)[V]) const {
        for (int v = 0; v < V; ++v) sum[v] = Vec<T>::load(panels + (p * V + v) * Vec<T>::width);
    }
};

// Each row and panel its own: from + i * row + p * panel.
template <class T>
struct FromRows {
    const T* first;
    Index row, panel;
    template <int V>
    UNROLLED_INLINE void operator()(Index i, Index p, Vec<T> (&sum)[V]) const {
        const T* from = first + i * row + p * panel;
        for (int v = 0; v < V; ++v) sum[v] = Vec<T>::load(from + v * Vec<T>::width);
    }
};

// As FromRows, but the last vector as FromPanel: the gru's m has no part of the input.
template <class T>
struct FromRowsAndPanel {
    const T* first;
    Index row, panel;
    const T* panels;
    template <int V>
    UNROLLED_INLINE void operator()(Index i, Index p, Vec<T> (&sum)[V]) const {
        const T* from = first + i * row + p * panel;
        for (int v = 0; v < V - 1; ++v) sum[v] = Vec<T>::load(from + v * Vec<T>::width);
        sum[V - 1] = Vec<T>::load(panels + (p * V + V - 1) * Vec<T>::width);
    }
};

// One tile: rows i to i + R, panels p to p + P; its sums go to done [P, R, V, width].
template <int R, int P, int V, class T, class Start>
UNROLLED_NOINLINE void tile(Index i, Index p, const Rows<T>& left, const T* panels,
                            Index panel_size, const Start& start, T* done) {
    constexpr int W = Vec<T>::width;
    Vec<T> sum[P][R][V];
    for (int q = 0; q < P; ++q)
        for (int r = 0; r < R; ++r) start(i + r, p + q, sum[q][r]);
    if constexpr (P == 1 && R > V) {
        multiply_add_high<R, V, T>(sum, left.row + i, left, panels);
    } else {
        multiply_add<R, P, V, T>(sum, left.row + i, left, panels, panel_size);
    }
    for (int q = 0; q < P; ++q)
        for (int r = 0; r < R; ++r)
            for (int v = 0; v < V; ++v) sum[q][r][v].store(done + ((q * R + r) * V + v) * W);
}

// The tile for a number of rows, and how many panels it takes at once: where few rows do not fill
// the registers with sums, several.
template <int V, class T, class Start>
struct Tile {
    void (*run)(Index, Index, const Rows<T>&, const T*, Index, const Start&, T*);
    Index rows, panels;

    template <int R = tile_rows<V>>
    static Tile of(Index rows, bool several) {
        if constexpr (R > 1) {
            if (rows < R) return of<R - 1>(rows, several);
        }
        constexpr int P = sums / (R * V) > 4 ? 4 : sums / (R * V);
        if constexpr (P > 1) {
            if (several) return {tile<R, P, V, T, Start>, R, P};
        }
        return {tile<R, 1, V, T, Start>, R, 1};
    }
};

// Columns of a left side whose part of a panel stays in the cache from tile to tile: in the first
// level for high tiles; lower ones would pay more for their waiting sums, and are content with the
// second.
template <int V, class T>
constexpr Index resident_columns = (V == 2 ? 20 : 96) * 1024 /
                                   (V * Vec<T>::width * Index(sizeof(T))) / panel_width<T> *
                                   panel_width<T>;

// `product` for panels longer than the first-level cache holds: a part of the columns at a time, the
// sums waiting in memory. Each sum still grows in rising order of k: the bits are the same.
template <int V, class T, class Start, class Activate, class Finish>
UNROLLED_NOINLINE void long_product(Index number, Index low, Index high, const Rows<T>& left,
                                    const T* panels, Index p_begin, Index p_end, const Start& start,
                                    const Activate& activate, const Finish& finish) {
    constexpr Index row_size = V * Vec<T>::width;
    constexpr Index together = 96 / tile_rows<V>;  // tiles whose sums wait
    alignas(64) T sums_of_rows[together * tile_rows<V> * row_size];
    const Index K = left.columns(), panel_size = K * row_size;
    const Index pieces = parts(K, resident_columns<V, T>);
    const Index piece = rounded_up(parts(K, pieces), panel_width<T>);
    using First = Tile<V, T, Start>;
    using Next = Tile<V, T, FromRows<T>>;
    const First first[2] = {First::of(low, false), First::of(high ? low + 1 : low, false)};
    const Next next[2] = {Next::of(low, false), Next::of(high ? low + 1 : low, false)};
    for (Index from = 0; from < number; from += together) {
        const Index to = least(number, from + together);
        const Index origin = from * low + least(from, high);  // the first row of these tiles
        const Index rows = to * low + least(to, high) - origin;
        for (Index p = p_begin; p < p_end; ++p) {
            for (Index k = 0; k < K; k += piece) {
                const Rows<T> part = left.part(k, least(K, k + piece));
                const T* panel = panels + p * panel_size + k * row_size;
                Index i = 0;
                for (Index n = from; n < to; ++n) {
                    const bool higher = n < high;
                    T* done = sums_of_rows + i * row_size;
                    if (k == 0) {
                        first[higher].run(origin + i, p, part, panel, 0, start, done);
                    } else {
                        const FromRows<T> so_far{done - (origin + i) * row_size, row_size, 0};
                        next[higher].run(origin + i, p, part, panel, 0, so_far, done);
                    }
                    i += low + higher;
                }
            }
            UNROLLED_UNROLL_1
            for (Index i = 0; i < rows; ++i) activate(sums_of_rows + i * row_size);
            UNROLLED_UNROLL_1
            for (Index i = 0; i < rows; ++i) finish(origin + i, p, sums_of_rows + i * row_size);
        }
    }
}

// For each row i < count and each panel p of p_begin <= p < p_end, with sums [V, width] = start(i, p)
// + the sum over all k: activate(sums) for all rows of a tile, then finish(i, p, sums) for each. The
// first is for long chains of operations that do not depend on each other: a processor that looks
// some 250 instructions ahead works on those of many rows at once if they stand close together.
template <int V, class T, class Start, class Activate, class Finish>
UNROLLED_INLINE void product(Index count, const Rows<T>& left, const T* panels, Index p_begin,
                             Index p_end, const Start& start, const Activate& activate,
                             const Finish& finish) {
    constexpr Index R = tile_rows<V>;
    constexpr Index row_size = V * Vec<T>::width;
    const Index panel_size = left.columns() * row_size;
    if (count <= 0) return;
    // Tiles of nearly equal heights: the first `high` of them have one row more than the others.
    const Index number = parts(count, R);
    const Index low = count / number, high = count % number;
    if (number > 1 && left.columns() > resident_columns<V, T>) {
        long_product<V, T>(number, low, high, left, panels, p_begin, p_end, start, activate, finish);
        return;
    }
    Tile<V, T, Start> lower = Tile<V, T, Start>::of(low, number == 1);
    const Tile<V, T, Start> higher = Tile<V, T, Start>::of(high ? low + 1 : low, false);
    alignas(64) T done[sums * Vec<T>::width];
    for (Index p = p_begin; p < p_end; p += lower.panels) {
        if (p + lower.panels > p_end) lower = Tile<V, T, Start>::of(low, false);
        Index i = 0;
        for (Index n = 0; n < number; ++n) {
            const Tile<V, T, Start>& now = n < high ? higher : lower;
            now.run(i, p, left, panels + p * panel_size, panel_size, start, done);
            T* row = done;
            UNROLLED_UNROLL_1
            for (Index r = 0; r < now.rows * now.panels; ++r) activate(done + r * row_size);
            for (Index q = 0; q < now.panels; ++q) {
                UNROLLED_UNROLL_1
                for (Index r = 0; r < now.rows; ++r, row += row_size) finish(i + r, p + q, row);
            }
            i += now.rows;
        }
    }
}

template <int V, class T, class Start, class Finish>
UNROLLED_INLINE void product(Index count, const Rows<T>& left, const T* panels, Index p_begin,
                             Index p_end, const Start& start, const Finish& finish) {
    product<V, T>(count, left, panels, p_begin, p_end, start, [](T*) {}, finish);
}

// Packs w [G*H, K] into panels [K, U * G * width] of U vectors of units with their G gates beside
// each other: column (u * G + g) * width + lane of panel p is unit (p * U + u) * width + lane, gate g.
// Units beyond H get zeros.
template <int U, int G, class T>
void pack_gates(const T* w, Index H, Index K, Index p_begin, Index p_end, T* panels) {
    using V = Vec<T>;
    constexpr int W = V::width;
    constexpr Index columns = U * G * W;
    for (Index p = p_begin; p < p_end; ++p) {
        for (Index v = 0; v < U * G; ++v) {
            const Index first = (p * U + v / G) * W;  // the first of the vector's units
            const Index units = greatest(0, least(W, H - first));
            const T* from = w + (v % G * H + first) * K;
            T* to = panels + p * K * columns + v * W;
            for (Index k = 0; k < K; k += W) {
                const Index n = least(W, K - k);
                V square[W];
                for (Index unit = 0; unit < W; ++unit) {
                    if (unit >= units) {
                        square[unit] = V::zero();
                    } else if (n == W) {
                        square[unit] = V::load(from + unit * K + k);
                    } else {
                        square[unit] = V::load_first(from + unit * K + k, n);
                    }
                }
                transpose<T>(square);
                if (n == W) {
                    for (Index i = 0; i < W; ++i) square[i].store(to + (k + i) * columns);
                } else {
                    for (Index i = 0; i < n; ++i) square[i].store(to + (k + i) * columns);
                }
            }
        }
    }
}

// Packs rows of w [., columns] into panels [K, 2 * width] of plain columns. Gate g of the K = G * Hp
// rows, Hp >= H, is rows gates[g] * H to gates[g] * H + H of w; the rows between H and Hp are zero.
template <class T>
void pack_columns(const T* w, Index columns, const int* gates, Index G, Index H, Index Hp,
                  Index p_begin, Index p_end, T* panels) {
    constexpr Index wide = panel_width<T>;
    constexpr Index W = Vec<T>::width;
    for (Index p = p_begin; p < p_end; ++p) {
        const Index c = p * wide;
        const Index left = greatest(0, least(W, columns - c));
        const Index right = greatest(0, least(W, columns - c - W));
        T* to = panels + p * G * Hp * wide;
        for (Index g = 0; g < G; ++g) {
            for (Index u = 0; u < Hp; ++u, to += wide) {
                const T* from = w + (gates[g] * H + u) * columns + c;
                const bool inside = u < H;
                (inside ? Vec<T>::load_first(from, left) : Vec<T>::zero()).store(to);
                (inside && right ? Vec<T>::load_first(from + W, right) : Vec<T>::zero())
                    .store(to + W);
            }
        }
    }
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
