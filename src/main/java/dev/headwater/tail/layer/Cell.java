package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import dev.headwater.tail.op.Selection;
import java.util.List;

/** The cell types of recurrent layers, with their gates in ONNX order. */
enum Cell {
  /** Hochreiter and Schmidhuber 1997, with a forget gate: input, output, forget, cell. */
  LSTM(2, 4) {
    @Override
    NDList next(NDArray inputs, NDList state, Gates gates) {
      NDArray sums = inputs.add(gates.shares(state.get(0), 0));
      NDArray input = gates.activated(0, gate(sums, 0, 4));
      NDArray output = gates.activated(0, gate(sums, 1, 4));
      NDArray forget = gates.activated(0, gate(sums, 2, 4));
      NDArray candidate = gates.activated(1, gate(sums, 3, 4));
      NDArray cell = forget.mul(state.get(1)).add(input.mul(candidate));
      return new NDList(output.mul(gates.activated(2, cell)), cell);
    }
  },

  /** Cho et al. 2014: update, reset, hidden. */
  GRU(1, 2, 1) {
    @Override
    NDList next(NDArray inputs, NDList state, Gates gates) {
      NDArray previous = state.get(0);
      NDArray stateContribution = gates.shares(previous, 0);
      NDArray update = gates.activated(0, gate(inputs, 0, 3).add(gate(stateContribution, 0, 2)));
      NDArray reset = gates.activated(0, gate(inputs, 1, 3).add(gate(stateContribution, 1, 2)));
      NDArray recurrent =
          gates.linearFirst()
              ? gates.shares(previous, 1).mul(reset)
              : gates.shares(previous.mul(reset), 1);
      NDArray hidden = gates.activated(1, gate(inputs, 2, 3).add(recurrent));
      return new NDList(hidden.add(update.mul(previous.sub(hidden))));
    }
  },

  /** Elman 1990. */
  RNN(1, 1) {
    @Override
    NDList next(NDArray inputs, NDList state, Gates gates) {
      return new NDList(gates.activated(0, inputs.add(gates.shares(state.get(0), 0))));
    }
  };

  private final int states;
  private final List<Integer> gateGroups;

  Cell(int states, Integer... gateGroups) {
    this.states = states;
    this.gateGroups = List.of(gateGroups);
  }

  /** Returns the number of state tensors passed from step to step; the first is the output. */
  int states() {
    return states;
  }

  /** Returns the sizes of the gate groups that one matrix product with the state computes. */
  List<Integer> together() {
    return gateGroups;
  }

  /**
   * Returns the state after a step.
   *
   * @param inputs the input's contribution to each gate
   */
  abstract NDList next(NDArray inputs, NDList state, Gates gates);

  private static NDArray gate(NDArray sums, int which, int count) {
    long width = sums.getShape().get(1) / count;
    return Selection.part(sums, 1, which * width, (which + 1) * width, 1);
  }
}
