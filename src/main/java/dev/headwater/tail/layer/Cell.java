package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;

/** One step of a recurrent layer. */
interface Cell {

  /** How many tensors are handed on from step to step; the first is the output. */
  int states();

  /**
   * The state after a step.
   *
   * @param shares what the input adds to each gate
   */
  NDList next(NDArray shares, NDList state, Gates gates);
}
