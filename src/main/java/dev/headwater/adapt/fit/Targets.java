package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import java.util.List;

/**
 * What a head should say of each sample where that is no one class.
 *
 * @param rows by sample, a value for each output
 */
public record Targets(Loss loss, List<float[]> rows) {
  /** How far from it an output is, of one output. */
  public enum Loss {
    /** Binary cross-entropy; a target is 1 where the label applies, else 0. */
    BINARY {
      @Override
      NDArray each(NDArray logits, NDArray targets) {
        // softplus(z) - y z; a form made of |z| has no gradient at 0, where a cold start begins
        return Activation.softPlus(logits).sub(logits.mul(targets));
      }

      @Override
      NDArray curvature(NDArray logits) {
        return varianceOf(Activation.sigmoid(logits));
      }
    },
    /** Half the squared error. */
    SQUARED {
      @Override
      NDArray each(NDArray outputs, NDArray targets) {
        NDArray off = outputs.sub(targets);
        return off.mul(off).div(2);
      }

      @Override
      NDArray curvature(NDArray outputs) {
        return outputs.onesLike().mean(ACROSS);
      }
    };

    abstract NDArray each(NDArray outputs, NDArray targets);

    /** Second derivative of each sample's loss by an output, the mean over its outputs. */
    abstract NDArray curvature(NDArray outputs);
  }

  private static final int[] ACROSS = {0};

  /** p (1 - p), the mean over a sample's outputs: the curvature of either cross-entropy. */
  static NDArray varianceOf(NDArray likely) {
    return likely.mul(likely.neg().add(1)).mean(ACROSS);
  }
}
