// A whole layer: the order of its rows, its threads, its directions one after the other.

#include <algorithm>
#include <atomic>
#include <numeric>

#include "dispatch.h"
#include "order.h"

namespace unrolled {

namespace {

constexpr Index gates_of(Cell cell) {
    return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1;
}

// Operations of one thread below which another costs more than it gains: about 15 microseconds.
constexpr double worth_a_thread = 1e6;
// Operations of one step of one thread below which meeting after each step costs more than it gains.
constexpr double worth_a_meeting = 2e5;
// Weights of a recurrence that one core's second-level cache holds beside everything else.
constexpr Index cached_weights = 384 * 1024;
constexpr Index vector_bytes = 64;

// Chosen by tests: small layers shared all the same.
std::atomic<Division> division{Division::automatic};

}  // namespace

void use_division(Division chosen) { division.store(chosen); }

Sharing sharing(const Sizes& sizes, Index S, bool backward, Index item) {
    const Index G = gates_of(sizes.cell);
    const Division chosen = division.load();
    if (chosen != Division::automatic)
        return {std::max(1, std::min(sizes.threads, most_threads)), chosen == Division::units};
    const double step = 2.0 * G * sizes.H * (sizes.C + sizes.P) * (backward ? 2 : 1);
    const double threads = std::min<double>({double(sizes.threads), double(most_threads),
                                             step * double(S) / worth_a_thread});
    const int workers = std::max(1, int(threads));
    if (workers == 1) return {1, false};
    const Index units = sizes.H * item / vector_bytes;  // panels that can be shared
    const double recurrent = 2.0 * G * sizes.H * sizes.P * double(sizes.N) / workers;
    const bool can = units >= 2 * workers && recurrent >= worth_a_meeting;
    const bool few_rows = sizes.N < 2 * workers;
    const bool large = G * sizes.H * sizes.P * item > cached_weights;
    if (can && (few_rows || large)) return {workers, true};
    return {int(std::min<Index>(workers, sizes.N)), false};
}

void RowOrder::assign(const Index* lengths, Index T, Index N) {
    const Index steps = lengths ? *std::max_element(lengths, lengths + N) : T;
    const bool ragged =
        lengths && std::any_of(lengths, lengths + N, [&](Index n) { return n != lengths[0]; });
    row_.resize(N);
    length_.resize(N);
    active_.assign(T + 1, 0);
    first_.resize(T + 1);
    if (ragged) {
        for (Index n = 0; n < N; ++n)
            if (lengths[n] > 0) ++active_[lengths[n] - 1];
        for (Index j = T - 1; j > 0; --j) active_[j - 1] += active_[j];
        // Rows of equal length keep their order, behind the active[length] longer ones.
        next_.assign(active_.begin(), active_.end());
        for (Index n = 0; n < N; ++n) row_[next_[lengths[n]]++] = n;
    } else {
        std::fill_n(active_.begin(), steps, N);
        std::iota(row_.begin(), row_.end(), Index(0));
    }
    for (Index i = 0; i < N; ++i) length_[i] = ragged ? lengths[row_[i]] : steps;
    Index position = 0;
    for (Index j = 0; j <= T; ++j) {
        first_[j] = position;
        position += active_[j];
    }
    order_ = {row_.data(), length_.data(), active_.data(), first_.data(), steps, ragged};
}

template <class T>
void layer_forward(const Sizes& sizes, const Order& rows, Sequence<const T> x, Sequence<T> out,
                   const Forward<T>* directions, Index count) {
    const Sharing wanted = sharing(sizes, rows.first[rows.steps], false, sizeof(T));
    Team team(wanted.workers, sizes.threads);
    const Sharing used = team.size() == wanted.workers ? wanted : Sharing{1, false};
    for (Index d = 0; d < count; ++d) {
        if (directions[d].saved) {
            const Index size = kernels<T>().saved_size(sizes, rows.first[rows.steps],
                                                       directions[d].w_hr != nullptr);
            prefer_large_pages(directions[d].saved, size * Index(sizeof(T)));
        }
        const Sequence<T> columns{out.data + d * sizes.P, out.step, out.row};
        kernels<T>().forward(sizes, rows, x, columns, directions[d], used, team);
    }
}

template <class T>
void layer_backward(const Sizes& sizes, const Order& rows, Sequence<const T> x,
                    Sequence<const T> grad_out, Sequence<T> grad_x, const Backward<T>* directions,
                    Index count) {
    const Sharing wanted = sharing(sizes, rows.first[rows.steps], true, sizeof(T));
    Team team(wanted.workers, sizes.threads);
    const Sharing used = team.size() == wanted.workers ? wanted : Sharing{1, false};
    if (grad_x.data) {
        for (Index i = 0; i < sizes.N; ++i)
            for (Index t = rows.length[i]; t < sizes.T; ++t)
                std::fill_n(grad_x.data + t * grad_x.step + rows.row[i] * grad_x.row, sizes.C, T(0));
    }
    for (Index d = 0; d < count; ++d) {
        Sequence<const T> columns = grad_out;
        if (columns.data) columns.data += d * sizes.P;
        kernels<T>().backward(sizes, rows, x, columns, grad_x, d > 0, directions[d], used, team);
    }
}

template <class T>
void layer_forward(const Sizes& sizes, const Index* lengths, Sequence<const T> x, Sequence<T> out,
                   const std::vector<Forward<T>>& directions) {
    RowOrder order;
    order.assign(lengths, sizes.T, sizes.N);
    layer_forward<T>(sizes, order.get(), x, out, directions.data(), Index(directions.size()));
}

template <class T>
void layer_backward(const Sizes& sizes, const Index* lengths, Sequence<const T> x,
                    Sequence<const T> grad_out, Sequence<T> grad_x,
                    const std::vector<Backward<T>>& directions) {
    RowOrder order;
    order.assign(lengths, sizes.T, sizes.N);
    layer_backward<T>(sizes, order.get(), x, grad_out, grad_x, directions.data(),
                      Index(directions.size()));
}

template void layer_forward<float>(const Sizes&, const Order&, Sequence<const float>,
                                   Sequence<float>, const Forward<float>*, Index);
template void layer_backward<float>(const Sizes&, const Order&, Sequence<const float>,
                                    Sequence<const float>, Sequence<float>,
                                    const Backward<float>*, Index);
template void layer_forward<float>(const Sizes&, const Index*, Sequence<const float>,
                                   Sequence<float>, const std::vector<Forward<float>>&);
template void layer_forward<double>(const Sizes&, const Index*, Sequence<const double>,
                                    Sequence<double>, const std::vector<Forward<double>>&);
template void layer_backward<float>(const Sizes&, const Index*, Sequence<const float>,
                                    Sequence<const float>, Sequence<float>,
                                    const std::vector<Backward<float>>&);
template void layer_backward<double>(const Sizes&, const Index*, Sequence<const double>,
                                     Sequence<const double>, Sequence<double>,
                                     const std::vector<Backward<double>>&);

}  // namespace unrolled
