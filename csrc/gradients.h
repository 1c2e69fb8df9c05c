// The gradients of the weights: one long product over all valid steps of all rows.
//
// The gradients of the gates lie in panels [rows, 2 W], as backward leaves them; the other side
// (inputs or states, read where they lie) is packed in groups of as many columns as a tile has rows.
// Sums go over a block of rows in registers, then into memory: rounding grows with the number of
// blocks and with the length of a block, not with their product. Threads share the panels, never a
// sum, so their number changes no bit.
#pragma once

#include "matmul.h"

namespace unrolled {
namespace UNROLLED_ISA {

constexpr int group = tile_rows<2>;
constexpr Index block_rows = 256;
constexpr Index block_groups = 240 / group;

constexpr Index groups_of(Index columns) { return parts(columns, group); }

// Elements of the memory that packs one block.
constexpr Index packed_size(Index columns) {
    return least(groups_of(columns), block_groups) * block_rows * group + 2 * 16;
}

// Packs columns g * group ... of `count` rows into [groups, count, group]; columns beyond the last
// are zero.
template <class T>
void pack_groups(const T* const* rows, Index count, Index columns, Index g_begin, Index g_end,
                 T* packed) {
    for (Index g = g_begin; g < g_end; ++g) {
        T* to = packed + (g - g_begin) * count * group;
        const Index c = g * group;
        if (c + 2 * Vec<T>::width <= columns && group <= 2 * Vec<T>::width) {
            // Whole vectors; what they write beyond the group is written over by the next.
            for (Index k = 0; k < count; ++k, to += group)
                for (Index r = 0; r < group; r += Vec<T>::width)
                    Vec<T>::load(rows[k] + c + r).store(to + r);
        } else if (c + group <= columns) {
            for (Index k = 0; k < count; ++k, to += group)
                for (int r = 0; r < group; ++r) to[r] = rows[k][c + r];
        } else {
            for (Index k = 0; k < count; ++k, to += group)
                for (int r = 0; r < group; ++r) to[r] = c + r < columns ? rows[k][c + r] : T(0);
        }
    }
}

// total [group, 2 W] += the transposed product of left [count, group] and right [count, 2 W];
// of the first block it is the product alone.
template <class T>
void add_tile(Index count, const T* left, const T* right, bool first, T* total) {
    using V = Vec<T>;
    constexpr int W = V::width;
    V sum[group][2];
    for (int r = 0; r < group; ++r) sum[r][0] = sum[r][1] = V::zero();
    UNROLLED_UNROLL_4
    for (Index k = 0; k < count; ++k) {
        const V b0 = V::load(right), b1 = V::load(right + W);
        for (int r = 0; r < group; ++r) {
            const V a = V::all(left[r]);
            sum[r][0] = V::fma(a, b0, sum[r][0]);
            sum[r][1] = V::fma(a, b1, sum[r][1]);
        }
        left += group;
        right += 2 * W;
    }
    for (int r = 0; r < group; ++r) {
        T* to = total + r * 2 * W;
        (first ? sum[r][0] : V::load(to) + sum[r][0]).store(to);
        (first ? sum[r][1] : V::load(to + W) + sum[r][1]).store(to + W);
    }
}

// total[p] [groups * group, 2 W] += rows^T right[p] for each panel p, over `count` rows in blocks.
// right: panel p begins at right + p * stride; `packed` is scratch of packed_size(columns). If these
// are the first rows, total is written, not added to.
template <class T>
void add_products(const T* const* rows, Index count, Index columns, const T* right, Index stride,
                  Index p_begin, Index p_end, bool first, T* total, T* packed) {
    constexpr Index wide = panel_width<T>;
    const Index groups = groups_of(columns);
    if (p_begin >= p_end) return;
    if (first && count == 0) {
        const Index panel = groups * group * wide;
        for (Index i = p_begin * panel; i < p_end * panel; ++i) total[i] = 0;
    }
    for (Index k = 0; k < count; k += block_rows) {
        const Index n = least(block_rows, count - k);
        for (Index g = 0; g < groups; g += block_groups) {
            const Index g_end = least(groups, g + block_groups);
            pack_groups(rows + k, n, columns, g, g_end, packed);
            for (Index p = p_begin; p < p_end; ++p) {
                T* to = total + (p * groups + g) * group * wide;
                for (Index q = g; q < g_end; ++q, to += group * wide)
                    add_tile(n, packed + (q - g) * n * group, right + p * stride + k * wide,
                             first && k == 0, to);
            }
        }
    }
}

// total[p] [2 W] += the sum of the rows of right[p]; of the first rows it is the sum alone.
template <class T>
void add_sums(Index count, const T* right, Index stride, Index p_begin, Index p_end, bool first,
              T* total) {
    using V = Vec<T>;
    constexpr int W = V::width;
    for (Index p = p_begin; p < p_end; ++p) {
        V s0 = V::zero(), s1 = V::zero();
        const T* from = right + p * stride;
        for (Index k = 0; k < count; ++k, from += 2 * W) {
            s0 = s0 + V::load(from);
            s1 = s1 + V::load(from + W);
        }
        T* to = total + p * 2 * W;
        (first ? s0 : V::load(to) + s0).store(to);
        (first ? s1 : V::load(to + W) + s1).store(to + W);
    }
}

// From the transposed totals to the gradient in its own shape [., columns]: panels p of the gates of
// `units` rows each, gate g at rows gates[g] * units.
template <class T>
void write_weights(const T* total, Index p_begin, Index p_end, const int* gates, Index columns,
                   Index units, Index panels_of_gate, T* grad) {
    using V = Vec<T>;
    constexpr int W = V::width;
    constexpr Index wide = panel_width<T>;
    const Index size = groups_of(columns) * group * wide;
    for (Index p = p_begin; p < p_end; ++p) {
        const Index g = p / panels_of_gate, first = p % panels_of_gate * wide;
        for (Index lane = 0; lane < wide; lane += W) {
            const Index rows = least(W, units - first - lane);
            T* to = grad + (gates[g] * units + first + lane) * columns;
            const T* from = total + p * size + lane;
            for (Index c = 0; rows > 0 && c < columns; c += W) {
                const Index n = least(W, columns - c);
                V square[W];
                for (Index i = 0; i < W; ++i)
                    square[i] = i < n ? V::load(from + (c + i) * wide) : V::zero();
                transpose<T>(square);
                for (Index row = 0; row < rows; ++row) {
                    if (n == W) {
                        square[row].store(to + row * columns + c);
                    } else {
                        square[row].store_first(to + row * columns + c, n);
                    }
                }
            }
        }
    }
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
