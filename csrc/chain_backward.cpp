// The loss of a batch, and its gradient through the chain, from the head to the embedding.

#include <cstring>

#include "chain.h"
#include "dispatch.h"

namespace unrolled {

namespace {

bool has_target(const Network& network, const Data& data, Index place) {
    if (data.classes) return data.classes[place] >= 0;
    const Index columns = network.columns(), given = network.given();
    const float* y = data.y + place * columns;
    for (Index k = 0; k < columns; k += given)
        if (y[k] == y[k] && y[k + given - 1] == y[k + given - 1]) return true;
    return false;
}

}  // namespace

BatchLoss Chain::loss(bool gradient) {
    const Network& net = network_;
    if (net.loss == Loss::crf) return crf_loss(gradient);
    const Index R = sizes_.R, K = net.head().K;
    BatchLoss result{0, 0, 0};
    for (Index r = 0; r < R; ++r) {
        const bool counts = has_target(net, data_, target_[r]);
        factor_[r] = !counts ? 0.0f : data_.weight ? data_.weight[target_[r]] : 1.0f;
        result.weight += static_cast<double>(factor_[r]);
        result.count += counts;
    }
    const float share = result.count ? 1.0f / static_cast<float>(result.count) : 0.0f;
    for (Index r = 0; r < R; ++r) factor_[r] *= share;
    const Losses job{net.loss,
                     R,
                     K,
                     net.levels.empty() ? nullptr : net.levels.data(),
                     net.each(),
                     net.columns(),
                     y_.back(),
                     target_,
                     data_.y,
                     data_.classes,
                     factor_,
                     losses_,
                     gradient ? y_.back() : nullptr};
    with_team(double(R * K), worth_functions, [&](Team& team) { kernels_.losses(job, team); });
    for (Index r = 0; r < R; ++r) {
        const float weight = data_.weight ? data_.weight[target_[r]] : 1.0f;
        result.sum += static_cast<double>(weight) * losses_[r];
    }
    return result;
}

// A sequence counts for as many rows as have a label, each of the weight of its first step.
BatchLoss Chain::crf_loss(bool gradient) {
    const Network& net = network_;
    const Order& order = order_.get();
    const Index N = sizes_.N, K = net.head().K;
    const auto weight = [&](Index i) { return data_.weight ? data_.weight[target_[i]] : 1.0f; };
    BatchLoss result{0, 0, 0};
    for (Index i = 0; i < N; ++i) {
        labelled_[i] = 0;
        for (Index j = 0; j < order.length[i]; ++j)
            labelled_[i] += has_target(net, data_, target_[order.first[j] + i]);
        result.weight += static_cast<double>(weight(i)) * static_cast<double>(labelled_[i]);
        result.count += labelled_[i];
    }
    const float share = result.count ? 1.0f / static_cast<float>(result.count) : 0.0f;
    for (Index i = 0; i < N; ++i) factor_[i] = weight(i) * share;
    float* const scores = y_.back();
    const Crf job{N,
                  K,
                  &order,
                  scores,
                  target_,
                  data_.classes,
                  labelled_,
                  w_ + net.crf,
                  factor_,
                  losses_,
                  gradient ? scores : nullptr,
                  grad_crf_,
                  crf_};
    with_team(6.0 * double(sizes_.R) * double(K) * double(K), worth_operations,
              [&](Team& team) { kernels_.crf(job, team); });
    for (Index i = 0; i < N; ++i) result.sum += static_cast<double>(weight(i)) * losses_[i];
    return result;
}

void Chain::backward(float* grad) {
    if (network_.loss == Loss::crf) {
        const Index K = network_.head().K;
        std::memcpy(grad + network_.crf, grad_crf_,
                    static_cast<std::size_t>(K * (K + 2)) * sizeof(float));
    }
    for (std::size_t i = network_.dense.size(); i-- > 0;) dense_backward(i, grad);
    if (network_.L == 0) return;
    stack_backward(pool_backward(), grad);
    drop_weights(grad);
    if (!network_.has_tables()) return;
    drop_input(grad_x_);
    tables_backward(grad);
}

// Where the gradient of the state at a position goes, as the head reads every one.
float* Chain::grad_of_state(Index s) const {
    const Index offset = read_[0][s] - out_[network_.L - 1];
    return grad_states_[0] + offset;
}

void Chain::dense_backward(std::size_t i, float* grad) {
    const DenseLayer& layer = network_.dense[i];
    const Index R = sizes_.R, F = layer.F;
    const bool wanted = i > 0 || network_.L > 0;
    if (grad_read_[i]) {
        for (Index r = 0; r < R; ++r) grad_rows_[r] = grad_read_[i] + r * F;
    } else if (wanted) {
        for (Index r = 0; r < R; ++r) grad_rows_[r] = grad_of_state(r);
    }
    const bool last = i + 1 == network_.dense.size();
    const DenseBackward job{R,
                            F,
                            layer.K,
                            layer.activation,
                            w_ + layer.w,
                            read_[i],
                            y_[i],
                            last ? y_[i] : grad_read_[i + 1],
                            wanted ? grad_rows_ : nullptr,
                            grad + layer.w,
                            grad + layer.b};
    with_team(4.0 * double(R) * double(F) * double(layer.K), worth_operations,
              [&](Team& team) { kernels_.dense_backward(job, team); });
    if (random_ && wanted && dropped_[i]) drop_read(i, grad_read_[i]);
}

// From the gradient of what the head reads to that of the last layer's states: of all steps, or of the
// last ones, in grad_h_n_.
Sequence<const float> Chain::pool_backward() {
    const Network& net = network_;
    const Index N = sizes_.N, H = net.H, F = net.states();
    switch (net.pooling) {
        case Pooling::last:
            for (Index d = 0; d < net.D; ++d)
                for (Index n = 0; n < N; ++n)
                    std::memcpy(grad_h_n_ + (d * N + n) * H, grad_read_[0] + n * F + d * H,
                                static_cast<std::size_t>(H) * sizeof(float));
            return {nullptr, 0, 0};
        case Pooling::mean:
            for (Index n = 0; n < N; ++n) {
                const float steps = static_cast<float>(lengths_[n]);
                for (Index c = 0; c < F; ++c) grad_read_[0][n * F + c] /= steps;
            }
            return {grad_read_[0], 0, F};  // the same at every step
        case Pooling::max: {
            const PoolBackward job{N,
                                   F,
                                   lengths_,
                                   {out_[net.L - 1], N * F, F},
                                   pooled_,
                                   grad_read_[0],
                                   {grad_states_[0], N * F, F}};
            with_team(double(sizes_.S * F), worth_numbers,
                      [&](Team& team) { kernels_.pool_backward(job, team); });
            break;
        }
        case Pooling::every:
            if (!grad_read_[0]) break;
            const Order& order = order_.get();
            for (Index j = 0; j < order.steps; ++j)
                for (Index i = 0; i < order.active[j]; ++i)
                    std::memcpy(grad_states_[0] + (j * N + order.row[i]) * F,
                                grad_read_[0] + (order.first[j] + i) * F,
                                static_cast<std::size_t>(F) * sizeof(float));
            break;
    }
    return {grad_states_[0], N * F, F};
}

void Chain::stack_backward(Sequence<const float> grad_out, float* grad) {
    const Network& net = network_;
    const Index N = sizes_.N, F = net.states(), each = N * net.H;
    int free = 1;  // of grad_states_, that which holds no grad_out
    for (Index l = net.L - 1; l >= 0; --l) {
        Backward<float> directions[2];
        const bool ends = l == net.L - 1 && net.pooling == Pooling::last;
        for (Index d = 0; d < net.D; ++d) {
            const Index k = l * net.D + d;
            const DirectionPlaces& at = net.recurrent[k];
            Backward<float>& b = directions[d];
            b = {};
            b.reverse = d == 1;
            b.w_ih = w_ + at.w_ih;
            b.w_hh = w_hh(k);
            b.h0 = h0_ ? h0_ + k * each : nullptr;
            b.c0 = c0_ ? c0_ + k * each : nullptr;
            b.saved = saved_[k];
            b.grad_h_n = ends ? grad_h_n_ + d * each : nullptr;
            b.grad_w_ih = grad + at.w_ih;
            b.grad_w_hh = grad + at.w_hh;
            b.grad_b_ih = grad + at.b_ih;
            b.grad_b_hh = grad + at.b_hh;
        }
        const Sequence<const float> x =
            l ? Sequence<const float>{out_[l - 1], N * F, F}
              : Sequence<const float>{x_, N * net.C, net.C};
        const Sequence<float> grad_x = l ? Sequence<float>{grad_states_[free], N * F, F}
                                         : Sequence<float>{grad_x_, N * net.C, net.C};
        layer_backward<float>(layer_sizes(l), order_.get(), x, grad_out,
                              l || net.has_tables() ? grad_x : Sequence<float>{nullptr, 0, 0},
                              directions, net.D);
        if (l == 0) return;
        drop_states(l - 1, grad_x.data);
        grad_out = {grad_x.data, grad_x.step, grad_x.row};
        free = 1 - free;
    }
}

// The embedding's is on top of what a tied head has written.
void Chain::tables_backward(float* grad) const {
    const Network& net = network_;
    const auto clear = [](float* total, Index count) {
        std::memset(total, 0, static_cast<std::size_t>(count) * sizeof(float));
    };
    if (net.symbols) {
        float* total = grad + net.embedding;
        if (net.head().w != net.embedding) clear(total, net.symbols * net.C);
        const float* factors = random_ && net.of_embedding > 0 ? masks_.symbols : nullptr;
        table_backward(0, net.C, codes_, factors, total);
    }
    const Index* codes = codes_;
    Index offset = net.numbers();
    for (const Category& category : net.categories) {
        float* total = grad + category.table;
        clear(total, category.V * category.E);
        table_backward(offset, category.E, codes, nullptr, total);
        codes += sizes_.S;
        offset += category.E;
    }
}

// Adds the gradient of columns offset .. offset + E - 1 of x to the rows `codes` [S] of `total` [V, E],
// each times its row's factor.
void Chain::table_backward(Index offset, Index E, const Index* codes, const float* factors,
                           float* total) const {
    const Index N = sizes_.N, C = network_.C;
    Index s = 0;
    for (Index n = 0; n < N; ++n)
        for (Index t = 0; t < lengths_[n]; ++t)
            grad_codes_[s++] = grad_x_ + (t * N + n) * C + offset;
    with_team(double(s * E), worth_numbers, [&](Team& team) {
        kernels_.add_rows(s, E, grad_codes_, codes, factors, total, team);
    });
}

}  // namespace unrolled
