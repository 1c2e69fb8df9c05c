// A network and its data, as numbers and addresses: what a chain runs. Python checks the description;
// `check_rows` checks what the rows of a call point at.
#pragma once

#include <vector>

#include "chain_kernels.h"

namespace unrolled {

// Places in the flat parameters.
struct DirectionPlaces {
    Index w_ih, w_hh, b_ih, b_hh;
};

struct DenseLayer {
    Index F, K;
    Activation activation;
    Index w, b;  // places
};

// A column of codes 0 .. V - 1, each of which becomes its row of a table [V, E].
struct Category {
    Index V, E, table;  // the last: its place
};

struct Network {
    Index P;        // parameters
    Index symbols;  // V of the embedding; 0: the inputs are numbers
    Index embedding;
    Index C;      // what the first layer reads: channels, or sizes of embeddings
    Index width;  // columns of the inputs where they are numbers
    std::vector<Category> categories;  // of the last of these columns
    Cell cell;
    Index H, L, D;  // L = 0: no recurrent stack, a row is a vector
    std::vector<DirectionPlaces> recurrent;  // [L * D]
    Pooling pooling;
    std::vector<DenseLayer> dense;  // the hidden ones, then the head
    float between, after_hidden, before_head;  // dropout
    float of_embedding, of_input, of_symbols, of_weights;
    Index symbol_columns;  // categories that dropout of symbols reads as 0 together
    bool locked;  // dropout of the input, between layers and in front of the head: for all steps
    Loss loss;
    std::vector<float> levels;
    Index crf;  // place of start [K], end [K], transition [K, K] of the loss "crf"

    Index states() const { return D * H; }
    Index gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
    bool every() const { return L > 0 && pooling == Pooling::every; }
    bool has_tables() const { return tables() > 0; }
    Index tables() const { return symbols ? 1 : static_cast<Index>(categories.size()); }
    Index numbers() const { return width - static_cast<Index>(categories.size()); }
    bool has_classes() const { return loss == Loss::cross_entropy || loss == Loss::crf; }
    const DenseLayer& head() const { return dense.back(); }
    // Outputs that are of one target: its quantiles, or the parameters of its distribution.
    Index each() const {
        if (loss == Loss::normal || loss == Loss::negative_binomial) return 2;
        return loss == Loss::student_t ? 3 : levels.empty() ? 1 : static_cast<Index>(levels.size());
    }
    // Columns of y that are of one target: itself, and its scale.
    Index given() const { return loss == Loss::negative_binomial ? 2 : 1; }
    Index columns() const { return head().K / each() * given(); }
};

// N rows. Row n is `lengths[n]` rows of the M values from starts[n] on, or, without starts, value n.
struct Data {
    Index M, N;
    const float* values;  // [M, width], or
    const Index* tokens;  // [M]
    const Index *starts, *lengths;
    const float* y;        // [N or M, columns], or
    const Index* classes;  // [N or M]; both null: there are no targets
    const float* weight;   // [N or M] or null: all 1

    bool has_targets() const { return y || classes; }
};

// Batch b is rows[first[b]] ... of the data.
struct Batches {
    Index count;
    const Index* rows;
    const Index* first;  // [count + 1]

    Index size(Index b) const { return first[b + 1] - first[b]; }
    const Index* of(Index b) const { return rows + first[b]; }
};

// What the memory of a batch depends on: rows, longest row, valid steps, rows that the head reads.
struct BatchSizes {
    Index N, T, S, R;
};

// Whether the rows are rows of the data, and their tokens, codes and classes are within range.
// Throws std::invalid_argument with a sentence.
BatchSizes check_rows(const Network&, const Data&, const Index* rows, Index count);

}  // namespace unrolled
