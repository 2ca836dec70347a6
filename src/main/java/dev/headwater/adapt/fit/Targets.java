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
      NDArray curvature(NDArray logits, NDArray targets) {
        return varianceOf(Activation.sigmoid(logits));
      }
    },
    /**
     * Half the squared error, which beyond 1 grows as the error itself does (pseudo-Huber:
     * Charbonnier et al. 1997): one record whose features are far out would else turn the head for
     * all others.
     */
    SQUARED {
      @Override
      NDArray each(NDArray outputs, NDArray targets) {
        return root(outputs, targets).sub(1);
      }

      @Override
      NDArray curvature(NDArray outputs, NDArray targets) {
        // of the parabola above the loss that touches it there: steps by it do not overshoot
        return root(outputs, targets).pow(-1).mean(ACROSS);
      }

      private NDArray root(NDArray outputs, NDArray targets) {
        NDArray off = outputs.sub(targets);
        return off.mul(off).add(1).sqrt();
      }
    };

    abstract NDArray each(NDArray outputs, NDArray targets);

    /** Second derivative of each sample's loss by an output, or above it; mean of its outputs. */
    abstract NDArray curvature(NDArray outputs, NDArray targets);
  }

  private static final int[] ACROSS = {0};

  /** p (1 - p), the mean over a sample's outputs: the curvature of either cross-entropy. */
  static NDArray varianceOf(NDArray likely) {
    return likely.mul(likely.neg().add(1)).mean(ACROSS);
  }
}
