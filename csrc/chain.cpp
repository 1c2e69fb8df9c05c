#include "chain.h"

#include <cstring>
#include <new>
#include <string>

#include "dispatch.h"

namespace unrolled {

namespace {

// To behind the last of those written.
inline float* copy_numbers(const float* from, Index count, float* to) {
    if (count < 16) {
        for (Index c = 0; c < count; ++c) to[c] = from[c];
    } else {
        std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    }
    return to + count;
}

// Of the kind that becomes Python's MemoryError.
class TooLarge : public std::bad_alloc {
public:
    explicit TooLarge(const BatchSizes& sizes)
        : text_("a batch of " + std::to_string(sizes.N) + " rows of up to " +
                std::to_string(sizes.T) +
                " steps needs more memory than there is; a smaller batch_size may do.") {}
    const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};

}  // namespace

void Memory::grow(Index size) {
    if (size <= size_) return;
    clear();
    data_ = static_cast<char*>(lend(size));
    size_ = size;
}

Chain::Chain(const Network& network, const Data& data, int threads)
    : network_(network), data_(data), kernels_(*instruction_set().chain), threads_(threads),
      packed_(network.L * network.D), packed_dense_(network.dense.size()), out_(network.L),
      saved_(network.L * network.D), masks_(network), read_(network.dense.size()),
      dropped_(network.dense.size()), y_(network.dense.size()), grad_read_(network.dense.size()) {}

Sizes Chain::layer_sizes(Index layer) const {
    return {network_.cell, sizes_.T, sizes_.N, layer ? network_.states() : network_.C,
            network_.H,    network_.H, threads_};
}

Index Chain::lay_out(char* base, const BatchSizes& sizes, bool training) {
    Pieces pieces(base);
    const Network& net = network_;
    const Index N = sizes.N, T = sizes.T, R = sizes.R, F = net.states();
    const bool stack = net.L > 0, every = net.every();
    sizes_ = sizes;
    lengths_ = pieces.take<Index>(stack ? N : 0);
    x_ = pieces.take<float>(stack ? T * N * input_size() : 0);
    for (Index l = 0; l < net.L; ++l) {
        // Without backward, two are used in turn.
        if (training || l < 2) out_[l] = pieces.take<float>(T * N * F);
        for (Index d = 0; d < net.D; ++d)
            saved_[l * net.D + d] =
                training ? pieces.take<float>(
                               kernels<float>().saved_size(layer_sizes(l), sizes.S, false))
                         : nullptr;
    }
    h_n_ = pieces.take<float>(net.L * net.D * N * net.H);
    c_n_ = pieces.take<float>(net.cell == Cell::lstm ? net.L * net.D * N * net.H : 0);
    pooled_ = pieces.take<float>(stack && !every ? N * F : 0);
    for (std::size_t i = 0; i < net.dense.size(); ++i) {
        const DenseLayer& layer = net.dense[i];
        read_[i] = pieces.take<const float*>(R);
        dropped_[i] = training && drops(i) ? pieces.take<float>(R * layer.F) : nullptr;
        y_[i] = pieces.take<float>(R * layer.K);
        const bool direct = i == 0 && (!stack || (every && !drops(i)));
        grad_read_[i] = training && !direct ? pieces.take<float>(R * layer.F) : nullptr;
    }
    target_ = pieces.take<Index>(R);
    factor_ = pieces.take<float>(R);
    losses_ = pieces.take<double>(R);
    codes_ = pieces.take<Index>(net.tables() * sizes.S);
    if (net.loss == Loss::crf) {
        const Index K = net.head().K, Kp = crf_columns(K);
        labelled_ = pieces.take<Index>(N);
        crf_.matrices = pieces.take<double>(2 * K * Kp);
        crf_.rows = pieces.take<double>(std::min(threads_, most_threads) * crf_rows * Kp);
        grad_crf_ = pieces.take<float>(training ? K * (K + 2) : 0);
        crf_.forward = pieces.take<double>(training ? R * Kp : 0);
        crf_.backward = pieces.take<double>(training ? R * Kp : 0);
        crf_.share = pieces.take<double>(training ? R : 0);
        crf_.less = pieces.take<float>(training ? R * K : 0);
        crf_.total = pieces.take<double>(training ? K * Kp : 0);
        crf_.pairs = pieces.take<Index>(training ? R : 0);
    }
    if (!training) return pieces.size();
    grad_rows_ = pieces.take<float*>(R);
    grad_h_n_ = pieces.take<float>(stack && !every ? N * F : 0);
    const bool spread = every || net.pooling == Pooling::max;
    grad_states_[0] = pieces.take<float>(stack && (spread || net.L > 1) ? T * N * F : 0);
    grad_states_[1] = pieces.take<float>(net.L > 1 ? T * N * F : 0);
    grad_x_ = pieces.take<float>(net.has_tables() ? T * N * net.C : 0);
    grad_codes_ = pieces.take<const float*>(net.has_tables() ? sizes.S : 0);
    lay_out_masks(pieces);
    return pieces.size();
}

void Chain::reserve(const BatchSizes& sizes, bool training) {
    const Network& net = network_;
    // 2^48 numbers of a kind are more than any machine has; below them no count of bytes overflows.
    Index widest = std::max<Index>(net.C, net.states());
    for (const DenseLayer& layer : net.dense) widest = std::max({widest, layer.F, layer.K});
    const double steps = std::max(double(sizes.T) * double(sizes.N), double(sizes.R));
    if (steps * double(widest) > 281474976710656.0) throw TooLarge(sizes);
    try {
        memory_.grow(lay_out(nullptr, sizes, training));
    } catch (const std::bad_alloc&) {
        throw TooLarge(sizes);
    }
}

void Chain::forward(const BatchSizes& sizes, const Index* rows, const float* w, const float* h0,
                    const float* c0, bool training, const Randomness* random) {
    training_ = training;
    if (Scratch::poisoned())
        std::memset(memory_.data(), 0xff,
                    static_cast<std::size_t>(lay_out(nullptr, sizes, training)));
    lay_out(memory_.data(), sizes, training);
    rows_ = rows;
    w_ = w;
    h0_ = h0;
    c0_ = c0;
    random_ = random;
    if (network_.L > 0) {
        if (random_) draw_masks();
        gather();
        drop_input(x_);
        run_stack();
        pool();
    }
    name_rows();
    for (std::size_t i = 0; i < network_.dense.size(); ++i) run_dense(i);
}

// x [T, N, C], or symbols' parts of the gates, and the codes [tables, S] behind it; what stands in
// padding is never read.
void Chain::gather() {
    const Network& net = network_;
    const Index N = sizes_.N, C = input_size(), S = sizes_.S;
    const float* const vectors = folded_ ? folded_ : w_ + net.embedding;
    const bool some_unknown = random_ && net.of_symbols > 0;
    const float* factors = random_ && net.of_embedding > 0 ? masks_.symbols : nullptr;
    Index s = 0;
    for (Index n = 0; n < N; ++n) {
        const Index start = data_.starts[rows_[n]], length = data_.lengths[rows_[n]];
        lengths_[n] = length;
        float* to = x_ + n * C;
        for (Index t = 0; t < length; ++t, ++s, to += N * C) {
            const bool unknown = some_unknown && masks_.known[n * sizes_.T + t] == 0;
            if (net.symbols) {
                const Index code = unknown ? 0 : data_.tokens[start + t];
                codes_[s] = code;
                copy_numbers(vectors + code * C, C, to);
                if (factors)
                    for (Index c = 0; c < C; ++c) to[c] *= factors[code];
                continue;
            }
            const float* from = data_.values + (start + t) * net.width;
            float* next = copy_numbers(from, net.numbers(), to);
            from += net.numbers();
            Index* codes = codes_ + s;
            for (const Category& category : net.categories) {
                *codes = unknown && codes - codes_ < net.symbol_columns * S ? 0 : Index(*from);
                next = copy_numbers(w_ + category.table + *codes * category.E, category.E, next);
                ++from;
                codes += S;
            }
        }
    }
    order_.assign(lengths_, sizes_.T, N);
}

Index Chain::lay_out_packed(char* base) {
    Pieces pieces(base);
    const Network& net = network_;
    for (Index k = 0; k < net.L * net.D; ++k)
        packed_[k] =
            pieces.take<char>(kernels<float>().packed_size(layer_sizes(k / net.D), false));
    for (std::size_t i = 0; i < net.dense.size(); ++i)
        packed_dense_[i] =
            pieces.take<char>(kernels_.dense_packed_size(net.dense[i].F, net.dense[i].K));
    const bool folds = net.L > 0 && net.D == 1 && net.symbols > 0;
    const Index numbers = folds ? net.symbols * gate_size() : 0;
    const bool small = numbers * Index(sizeof(float)) <= most_folded;
    folded_ = folds && small ? pieces.take<float>(numbers) : nullptr;
    return pieces.size();
}

Index Chain::gate_size() const { return kernels<float>().gate_size(layer_sizes(0)); }

void Chain::pack(const float* w, char* to) {
    lay_out_packed(to);
    const Network& net = network_;
    for (Index k = 0; k < net.L * net.D; ++k) {
        const DirectionPlaces& at = net.recurrent[k];
        Forward<float> layer{};
        layer.w_ih = w + at.w_ih;
        layer.w_hh = w + at.w_hh;
        layer.b_ih = w + at.b_ih;
        layer.b_hh = w + at.b_hh;
        kernels<float>().pack(layer_sizes(k / net.D), layer, packed_[k]);
    }
    for (std::size_t i = 0; i < net.dense.size(); ++i) {
        const DenseLayer& layer = net.dense[i];
        kernels_.dense_pack(layer.F, layer.K, w + layer.w, w + layer.b, packed_dense_[i]);
    }
    if (folded_)
        kernels<float>().fold(layer_sizes(0), packed_[0], net.symbols, w + net.embedding, folded_);
}

void Chain::run_stack() {
    const Network& net = network_;
    const Index N = sizes_.N, C = input_size(), F = net.states(), each = N * net.H;
    for (Index l = 0; l < net.L; ++l) {
        if (!training_ && l > 1) out_[l] = out_[l % 2];
        Forward<float> directions[2];
        for (Index d = 0; d < net.D; ++d) {
            const Index k = l * net.D + d;
            const DirectionPlaces& at = net.recurrent[k];
            directions[d] = {d == 1,       w_ + at.w_ih,
                             w_hh(k),      w_ + at.b_ih,
                             w_ + at.b_hh, nullptr,
                             h0_ ? h0_ + k * each : nullptr,
                             c0_ ? c0_ + k * each : nullptr,
                             h_n_ + k * each,
                             net.cell == Cell::lstm ? c_n_ + k * each : nullptr,
                             saved_[k],
                             packed_[k],
                             l == 0 && folded_};
        }
        const Sequence<const float> x =
            l ? Sequence<const float>{out_[l - 1], N * F, F}
              : Sequence<const float>{x_, N * C, C};
        layer_forward<float>(layer_sizes(l), order_.get(), x, {out_[l], N * F, F}, directions,
                             net.D);
        if (l + 1 < net.L) drop_states(l, out_[l]);
    }
}

void Chain::pool() {
    const Network& net = network_;
    const Index N = sizes_.N, H = net.H, F = net.states();
    if (net.every()) return;
    if (net.pooling == Pooling::last) {
        for (Index d = 0; d < net.D; ++d) {
            const float* from = h_n_ + ((net.L - 1) * net.D + d) * N * H;
            for (Index n = 0; n < N; ++n)
                std::memcpy(pooled_ + n * F + d * H, from + n * H,
                            static_cast<std::size_t>(H) * sizeof(float));
        }
        return;
    }
    const Pool job{net.pooling, N, F, lengths_, {out_[net.L - 1], N * F, F}, pooled_};
    with_team(double(sizes_.S * F), worth_numbers, [&](Team& team) { kernels_.pool(job, team); });
}

// What the first dense layer reads, and the place of each of its rows' targets.
void Chain::name_rows() {
    const Index N = sizes_.N, F = network_.dense[0].F;
    if (!network_.every()) {
        for (Index n = 0; n < N; ++n) {
            read_[0][n] = network_.L ? pooled_ + n * F : data_.values + rows_[n] * F;
            target_[n] = rows_[n];
        }
        return;
    }
    const Order& order = order_.get();
    const bool locked = random_ && network_.locked && network_.before_head > 0;
    for (Index j = 0; j < order.steps; ++j) {
        for (Index i = 0; i < order.active[j]; ++i) {
            const Index s = order.first[j] + i, row = order.row[i];
            read_[0][s] = out_[network_.L - 1] + (j * N + row) * F;
            target_[s] = data_.starts[rows_[row]] + j;
            if (locked) masks_.head_rows[s] = row;
        }
    }
}

void Chain::run_dense(std::size_t i) {
    const DenseLayer& layer = network_.dense[i];
    const Index R = sizes_.R;
    if (random_ && dropped_[i]) {
        for (Index r = 0; r < R; ++r) {
            float* to = dropped_[i] + r * layer.F;
            std::memcpy(to, read_[i][r], static_cast<std::size_t>(layer.F) * sizeof(float));
            read_[i][r] = to;
        }
        drop_read(i, dropped_[i]);
    }
    const DenseForward job{R,           layer.F,      layer.K,  layer.activation,
                           w_ + layer.w, w_ + layer.b, read_[i], y_[i],
                           packed_dense_[i]};
    with_team(2.0 * double(R) * double(layer.F) * double(layer.K), worth_operations,
              [&](Team& team) { kernels_.dense_forward(job, team); });
    if (i + 1 < network_.dense.size())
        for (Index r = 0; r < R; ++r) read_[i + 1][r] = y_[i] + r * layer.K;
}

}  // namespace unrolled
