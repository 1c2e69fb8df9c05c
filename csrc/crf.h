// The linear-chain conditional random field (Lafferty, McCallum & Pereira 2001). A path of labels
// y_0 ... y_T-1 has the score
//
//     s(y) = start[y_0] + end[y_T-1] + sum of e_t[y_t] over t >= 0 + sum of A[y_t-1][y_t] over t >= 1
//
// and the loss of a sequence is log(sum of exp s(y) over all paths), less the same over the paths that
// agree with its labels: one path, or several where labels are missing. With start and end added to
// the first and the last of the emissions e, messages are logarithms, in double:
//
//     a_t[k] = e_t[k] + log sum_j exp(a_t-1[j] + A[j][k])          forward
//     b_t-1[j] = log sum_k exp(A[j][k] + e_t[k] + b_t[k])          backward
//     p_t[k] = exp(a_t[k] + b_t[k] - log Z)                        of label k at step t
//     p_t[j, k] = exp(a_t-1[j] + A[j][k] + e_t[k] + b_t[k] - log Z)
#pragma once

#include "chain_kernels.h"
#include "crf_sums.h"
#include "team_work.h"
#include "workspace.h"

namespace unrolled {
namespace UNROLLED_ISA {

// Positions whose products are added to the transitions' gradient at once, so that caches hold them.
constexpr Index crf_block = 32;

// One batch's sequences, by their places in the order.
class Field {
    using V = Vec<double>;
    static constexpr int W = V::width;
    static constexpr int vectors = crf_width / W;

public:
    Field(const Crf& job, const Transitions& transitions)
        : job_(job), order_(*job.order), transitions_(transitions), K_(job.K),
          Kp_(crf_columns(job.K)), start_(job.w), end_(start_ + K_) {}

    // `given`: of the paths that agree with the labels, where some are missing; then of all paths.
    // The loss of the sequence at place i, the gradient of its emissions, and rows for `add_pairs`.
    void run_sequence(Index i, bool given, int worker) const {
        const Index T = order_.length[i];
        const bool whole = job_.labelled[i] == T;
        if (job_.labelled[i] == 0 || (given && whole)) {
            if (!given) clear(i);
            return;
        }
        double* rolling = job_.memory.rows + worker * crf_rows * Kp_;
        const Work work{rolling + 2 * Kp_, rolling + 3 * Kp_, rolling + 4 * Kp_};
        double* a = nullptr;
        for (Index t = 0; t < T; ++t) {
            const double* before = a;
            a = job_.grad ? job_.memory.forward + at(i, t) * Kp_ : rolling + t % 2 * Kp_;
            if (t == 0) {
                emissions(i, t, given, a);
                continue;
            }
            emissions(i, t, given, work.emissions);
            transitions_.pass(false, before, a, work.powers);
            for (Index k = 0; k < Kp_; k += W)
                (V::load(a + k) + V::load(work.emissions + k)).store(a + k);
        }
        const double total = log_sum(a, Kp_);
        if (given) {
            job_.loss[i] = -total;
        } else {
            job_.loss[i] = (whole ? -path(i) : job_.loss[i]) + total;
        }
        if (job_.grad) backward(i, given, total, work);
    }

    // Adds the products of the positions `pairs` to rows of the transitions' gradient.
    void add_pairs(const Index* pairs, Index count, Range rows) const {
        for (Index begin = 0; begin < count; begin += crf_block) {
            const Index end = least(count, begin + crf_block);
            Index j = rows.begin;
            if (transitions_.narrow())
                for (; j + 4 <= rows.end; j += 4) add_products<4>(pairs + begin, end - begin, j);
            for (; j < rows.end; ++j) {
                if (transitions_.narrow())
                    add_products<1>(pairs + begin, end - begin, j);
                else
                    add_powers(pairs + begin, end - begin, j);
            }
        }
    }

    // The gradient of these rows of the transitions, less the transitions that whole paths take.
    void finish(Range rows) const {
        for (Index j = rows.begin; j < rows.end; ++j) {
            if (!transitions_.narrow()) continue;
            double* total = job_.memory.total + j * Kp_;
            const double* matrix = transitions_.row(j);
            for (Index k = 0; k < Kp_; k += W)
                (V::load(total + k) * V::load(matrix + k)).store(total + k);
        }
        for (Index i = 0; i < job_.N; ++i) {
            if (job_.labelled[i] != order_.length[i]) continue;
            for (Index t = 1; t < order_.length[i]; ++t) {
                const Index from = label(i, t - 1);
                if (rows.begin <= from && from < rows.end)
                    job_.memory.total[from * Kp_ + label(i, t)] -= factor(i);
            }
        }
        float* grad = job_.grad_w + 2 * K_;
        for (Index j = rows.begin; j < rows.end; ++j)
            for (Index k = 0; k < K_; ++k)
                grad[j * K_ + k] = static_cast<float>(job_.memory.total[j * Kp_ + k]);
    }

    // That of start and end: of the first and last emissions of all sequences.
    void finish_ends(Range labels) const {
        for (Index k = labels.begin; k < labels.end; ++k) {
            double start = 0, end = 0;
            for (Index i = 0; i < job_.N; ++i) {
                start += static_cast<double>(job_.grad[at(i, 0) * K_ + k]);
                end += static_cast<double>(job_.grad[at(i, order_.length[i] - 1) * K_ + k]);
            }
            job_.grad_w[k] = static_cast<float>(start);
            job_.grad_w[K_ + k] = static_cast<float>(end);
        }
    }

private:
    struct Work {
        double *emissions, *backward, *powers;  // [Kp]
    };

    const Crf& job_;
    const Order& order_;
    const Transitions& transitions_;
    const Index K_, Kp_;
    const float *start_, *end_;

    Index at(Index i, Index t) const { return order_.first[t] + i; }
    Index label(Index i, Index t) const { return job_.classes[job_.target[at(i, t)]]; }
    double factor(Index i) const { return static_cast<double>(job_.factor[i]); }

    void clear(Index i) const {
        job_.loss[i] = 0;
        if (!job_.grad) return;
        for (Index t = 0; t < order_.length[i]; ++t)
            for (Index k = 0; k < K_; ++k) job_.grad[at(i, t) * K_ + k] = 0.0f;
    }

    void emissions(Index i, Index t, bool given, double* e) const {
        const float* scores = job_.scores + at(i, t) * K_;
        for (Index k = 0; k < K_; ++k) e[k] = static_cast<double>(scores[k]);
        if (t == 0)
            for (Index k = 0; k < K_; ++k) e[k] += static_cast<double>(start_[k]);
        if (t + 1 == order_.length[i])
            for (Index k = 0; k < K_; ++k) e[k] += static_cast<double>(end_[k]);
        const Index one = given ? label(i, t) : -1;
        if (one >= 0) {
            const double score = e[one];
            for (Index k = 0; k < K_; ++k) e[k] = absent;
            e[one] = score;
        }
        for (Index k = K_; k < Kp_; ++k) e[k] = absent;
    }

    // The score of the path that is given whole.
    double path(Index i) const {
        const Index T = order_.length[i];
        double score = static_cast<double>(start_[label(i, 0)]) +
                       static_cast<double>(end_[label(i, T - 1)]);
        for (Index t = 0; t < T; ++t) {
            const Index y = label(i, t);
            score += static_cast<double>(job_.scores[at(i, t) * K_ + y]);
            if (t > 0) score += transitions_.score(label(i, t - 1), y);
        }
        return score;
    }

    // log_total: log Z. Row t of memory.forward and memory.backward becomes a_t and
    // e_t+1 + b_t+1 - log Z, or, where A is narrow, powers of them whose products with
    // exp(A - its largest) are factor * p_t+1[j, k].
    void backward(Index i, bool given, double log_total, const Work& work) const {
        const Index T = order_.length[i];
        const bool whole = job_.labelled[i] == T;
        const V total = V::all(log_total);
        double* b = work.backward;
        for (Index k = 0; k < Kp_; ++k) b[k] = 0;
        for (Index t = T; t-- > 0;) {
            const Index s = at(i, t);
            double* a = job_.memory.forward + s * Kp_;
            double* e = work.emissions;
            emissions(i, t, given, e);
            for (Index k = 0; k < Kp_; k += W) {
                power(V::load(a + k) + V::load(b + k) - total).store(work.powers + k);
                (V::load(e + k) + V::load(b + k)).store(e + k);
            }
            if (whole) work.powers[label(i, t)] -= 1;
            write_gradient(i, t, given, work.powers);
            if (t + 1 < T && transitions_.narrow())
                take_powers(a, job_.memory.backward + s * Kp_, i, given);
            if (t == 0) continue;
            double* behind = job_.memory.backward + at(i, t - 1) * Kp_;
            for (Index k = 0; k < Kp_; k += W) (V::load(e + k) - total).store(behind + k);
            job_.memory.share[at(i, t - 1)] = given ? -factor(i) : factor(i);
            transitions_.pass(true, e, b, work.powers);
        }
    }

    // p: [K] of step t, where the path is given whole less the path's.
    void write_gradient(Index i, Index t, bool given, const double* p) const {
        const Index s = at(i, t) * K_;
        float* to = (given ? job_.memory.less : job_.grad) + s;
        for (Index k = 0; k < K_; ++k) to[k] = static_cast<float>(factor(i) * p[k]);
        if (given || job_.labelled[i] == order_.length[i]) return;
        for (Index k = 0; k < K_; ++k) to[k] -= job_.memory.less[s + k];
    }

    void take_powers(double* forward, double* backward, Index i, bool given) const {
        const double largest = largest_of(forward, Kp_);
        const V shift = V::all(largest), back = V::all(largest + transitions_.largest());
        const V scale = V::all(given ? -factor(i) : factor(i));
        for (Index k = 0; k < Kp_; k += W) {
            power(V::load(forward + k) - shift).store(forward + k);
            (scale * power(V::load(backward + k) + back)).store(backward + k);
        }
    }

    template <int J>
    void add_products(const Index* pairs, Index count, Index j) const {
        for (Index k = 0; k < Kp_; k += crf_width) {
            V sum[J][vectors];
            double* total = job_.memory.total + j * Kp_ + k;
            for (int r = 0; r < J; ++r)
                for (int v = 0; v < vectors; ++v) sum[r][v] = V::load(total + r * Kp_ + v * W);
            for (Index q = 0; q < count; ++q) {
                const double* forward = job_.memory.forward + pairs[q] * Kp_ + j;
                const double* backward = job_.memory.backward + pairs[q] * Kp_ + k;
                for (int v = 0; v < vectors; ++v) {
                    const V b = V::load(backward + v * W);
                    for (int r = 0; r < J; ++r) sum[r][v] = V::fma(V::all(forward[r]), b, sum[r][v]);
                }
            }
            for (int r = 0; r < J; ++r)
                for (int v = 0; v < vectors; ++v) sum[r][v].store(total + r * Kp_ + v * W);
        }
    }

    void add_powers(const Index* pairs, Index count, Index j) const {
        const double* matrix = transitions_.row(j);
        double* total = job_.memory.total + j * Kp_;
        for (Index q = 0; q < count; ++q) {
            const V forward = V::all(job_.memory.forward[pairs[q] * Kp_ + j]);
            const V share = V::all(job_.memory.share[pairs[q]]);
            const double* backward = job_.memory.backward + pairs[q] * Kp_;
            for (Index k = 0; k < Kp_; k += W) {
                const V p = power(forward + V::load(matrix + k) + V::load(backward + k));
                V::fma(share, p, V::load(total + k)).store(total + k);
            }
        }
    }
};

// The positions of the steps of some sequences but their last: those of a round's pairs of labels.
inline Index list_pairs(const Crf& job, bool given) {
    Index count = 0;
    for (Index i = 0; i < job.N; ++i) {
        const Index T = job.order->length[i];
        if (job.labelled[i] == 0 || (given && job.labelled[i] == T)) continue;
        for (Index t = 0; t + 1 < T; ++t) job.memory.pairs[count++] = job.order->first[t] + i;
    }
    return count;
}

// First the paths that agree with labels some of which are missing, then all paths.
inline void crf(const Crf& job, Team& team) {
    const Transitions transitions(job.w + 2 * job.K, job.K, job.memory.matrices);
    const Field field(job, transitions);
    bool all_or_none = true;
    for (Index i = 0; i < job.N; ++i)
        all_or_none &= job.labelled[i] == 0 || job.labelled[i] == job.order->length[i];
    run(team, [&](int worker) {
        const Range rows = share(job.K, worker, team.size());
        transitions.write(rows);
        if (!job.grad) return;
        const Index Kp = crf_columns(job.K);
        for (Index k = rows.begin * Kp; k < rows.end * Kp; ++k) job.memory.total[k] = 0;
    });
    for (int round = all_or_none; round < 2; ++round) {
        const bool given = round == 0;
        run(team, [&](int worker) {
            // Places are in falling order of length.
            for (Index i = worker; i < job.N; i += team.size()) field.run_sequence(i, given, worker);
        });
        if (!job.grad) continue;
        const Index count = list_pairs(job, given);
        run(team, [&](int worker) {
            field.add_pairs(job.memory.pairs, count, share(job.K, worker, team.size()));
        });
    }
    if (!job.grad) return;
    run(team, [&](int worker) {
        const Range labels = share(job.K, worker, team.size());
        field.finish(labels);
        field.finish_ends(labels);
    });
}

}  // namespace UNROLLED_ISA
}  // namespace unrolled
