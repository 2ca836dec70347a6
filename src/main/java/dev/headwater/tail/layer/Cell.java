package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.headwater.tail.op.Selection;
import java.util.List;

/** One step of a recurrent layer, with its gates in ONNX's order. */
enum Cell {
  /** Hochreiter and Schmidhuber 1997, with a forget gate: input, output, forget, cell. */
  LSTM(2, 4) {
    @Override
    NDList next(NDArray shares, NDList state, Gates gates) {
      NDArray all = shares.add(gates.shares(state.get(0), 0));
      NDArray input = gates.activated(0, gate(all, 0, 4));
      NDArray output = gates.activated(0, gate(all, 1, 4));
      NDArray forget = gates.activated(0, gate(all, 2, 4));
      NDArray fresh = gates.activated(1, gate(all, 3, 4));
      NDArray cell = forget.mul(state.get(1)).add(input.mul(fresh));
      return new NDList(output.mul(gates.activated(2, cell)), cell);
    }
  },

  /** Cho et al. 2014: update, reset, hidden. */
  GRU(1, 2, 1) {
    @Override
    NDList next(NDArray shares, NDList state, Gates gates) {
      NDArray before = state.get(0);
      NDArray first = gates.shares(before, 0);
      NDArray update = gates.activated(0, gate(shares, 0, 3).add(gate(first, 0, 2)));
      NDArray reset = gates.activated(0, gate(shares, 1, 3).add(gate(first, 1, 2)));
      NDArray kept =
          gates.linearFirst()
              ? gates.shares(before, 1).mul(reset)
              : gates.shares(before.mul(reset), 1);
      NDArray hidden = gates.activated(1, gate(shares, 2, 3).add(kept));
      return new NDList(hidden.add(update.mul(before.sub(hidden))));
    }
  },

  /** Elman 1990. */
  RNN(1, 1) {
    @Override
    NDList next(NDArray shares, NDList state, Gates gates) {
      return new NDList(gates.activated(0, shares.add(gates.shares(state.get(0), 0))));
    }
  };

  private final int states;
  private final List<Integer> together;

  Cell(int states, Integer... together) {
    this.states = states;
    this.together = List.of(together);
  }

  /** How many tensors are handed on from step to step; the first is the output. */
  int states() {
    return states;
  }

  /** How many gates, from the first on, take their shares of the state at once. */
  List<Integer> together() {
    return together;
  }

  /**
   * The state after a step.
   *
   * @param shares what the input adds to each gate
   */
  abstract NDList next(NDArray shares, NDList state, Gates gates);

  private static NDArray gate(NDArray all, int which, int count) {
    long width = all.getShape().get(1) / count;
    return Selection.part(all, 1, which * width, (which + 1) * width, 1);
  }
}
