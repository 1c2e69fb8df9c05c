// Dropout of a chain: what is drawn for a batch, and where it acts, forward and backward alike.

#include "chain.h"
#include "dispatch.h"

namespace unrolled {

namespace {

// Sites: between recurrent layers, behind hidden layers, in front of the head, of the input, of
// symbols, of the embedding's rows, of the recurrences' weights.
constexpr std::uint32_t between_site = 0, hidden_site = 256, head_site = 512, input_site = 513,
                        symbol_site = 514, embedding_site = 515, weight_site = 1024;

}  // namespace

// Whether something is dropped of what a dense layer reads.
bool Chain::drops(std::size_t layer) const {
    return (layer > 0 && network_.after_hidden > 0) ||
           (layer + 1 == network_.dense.size() && network_.before_head > 0);
}

void Chain::lay_out_masks(Pieces& pieces) {
    const Network& net = network_;
    const Index N = sizes_.N, F = net.states();
    const bool head = net.locked && net.every() && net.before_head > 0;
    masks_.symbols = pieces.take<float>(net.of_embedding > 0 ? net.symbols : 0);
    masks_.known = pieces.take<float>(net.of_symbols > 0 ? N * sizes_.T : 0);
    masks_.input = pieces.take<float>(net.locked && net.of_input > 0 ? N * net.C : 0);
    for (Index l = 0; l + 1 < net.L; ++l)
        masks_.between[l] = pieces.take<float>(net.locked && net.between > 0 ? N * F : 0);
    masks_.head = pieces.take<float>(head ? N * net.head().F : 0);
    masks_.head_rows = pieces.take<Index>(head ? sizes_.R : 0);
    for (float*& weights : masks_.weights)
        weights = pieces.take<float>(net.of_weights > 0 ? net.gates() * net.H * net.H : 0);
}

// to = from, or ones, after dropout, [rows, columns].
void Chain::draw(float probability, std::uint32_t site, Index rows, Index columns,
                 const float* from, float* to) const {
    const Dropout dropout{probability, random_->seed, random_->step, site};
    with_team(double(rows * columns), worth_functions,
              [&](Team& team) { kernels_.drop(dropout, rows, columns, from, to, team); });
}

void Chain::scale(Index rows, Index columns, const float* factors, const Index* which,
                  float* to) const {
    with_team(double(rows * columns), worth_numbers, [&](Team& team) {
        kernels_.scale(rows, columns, sizes_.N, factors, which, to, team);
    });
}

void Chain::draw_masks() {
    const Network& net = network_;
    const Index N = sizes_.N, rows = net.gates() * net.H;
    if (net.of_embedding > 0)
        draw(net.of_embedding, embedding_site, 1, net.symbols, nullptr, masks_.symbols);
    if (net.of_symbols > 0) draw(net.of_symbols, symbol_site, N, sizes_.T, nullptr, masks_.known);
    for (Index k = 0; net.of_weights > 0 && k < net.L * net.D; ++k)
        draw(net.of_weights, weight_site + static_cast<std::uint32_t>(k), rows, net.H,
             w_ + net.recurrent[k].w_hh, masks_.weights[k]);
    if (!net.locked) return;
    if (net.of_input > 0) draw(net.of_input, input_site, N, net.C, nullptr, masks_.input);
    for (Index l = 0; net.between > 0 && l + 1 < net.L; ++l)
        draw(net.between, between_site + static_cast<std::uint32_t>(l), N, net.states(), nullptr,
             masks_.between[l]);
    if (net.every() && net.before_head > 0)
        draw(net.before_head, head_site, N, net.head().F, nullptr, masks_.head);
}

// W_hh of a layer and direction as the batch in hand has it.
const float* Chain::w_hh(Index direction) const {
    return random_ && network_.of_weights > 0 ? masks_.weights[direction]
                                              : w_ + network_.recurrent[direction].w_hh;
}

// Of the gradient of each W_hh what goes to the weight itself.
void Chain::drop_weights(float* grad) const {
    const Network& net = network_;
    if (!random_ || net.of_weights <= 0) return;
    for (Index k = 0; k < net.L * net.D; ++k) {
        float* of = grad + net.recurrent[k].w_hh;
        draw(net.of_weights, weight_site + static_cast<std::uint32_t>(k), net.gates() * net.H,
             net.H, of, of);
    }
}

// Drops of what the first layer reads [T, N, C], or of its gradient.
void Chain::drop_input(float* x) const {
    const Network& net = network_;
    if (!random_ || net.of_input <= 0) return;
    const Index rows = sizes_.T * sizes_.N;
    if (net.locked)
        scale(rows, net.C, masks_.input, nullptr, x);
    else
        draw(net.of_input, input_site, rows, net.C, x, x);
}

// Drops of what a layer gives [T, N, D * H], or of its gradient.
void Chain::drop_states(Index layer, float* states) const {
    const Network& net = network_;
    if (!random_ || net.between <= 0) return;
    const Index rows = sizes_.T * sizes_.N;
    if (net.locked)
        scale(rows, net.states(), masks_.between[layer], nullptr, states);
    else
        draw(net.between, between_site + static_cast<std::uint32_t>(layer), rows, net.states(),
             states, states);
}

// Drops of the rows [R, F] that a dense layer reads, or of their gradient.
void Chain::drop_read(std::size_t layer, float* rows) const {
    const Network& net = network_;
    const Index R = sizes_.R, F = net.dense[layer].F;
    if (layer > 0 && net.after_hidden > 0)
        draw(net.after_hidden, hidden_site + static_cast<std::uint32_t>(layer - 1), R, F, rows,
             rows);
    if (layer + 1 != net.dense.size() || net.before_head <= 0) return;
    if (net.locked && net.every())
        scale(R, F, masks_.head, masks_.head_rows, rows);
    else
        draw(net.before_head, head_site, R, F, rows, rows);
}

}  // namespace unrolled
