package dev.headwater.adapt.fit;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import java.util.List;

/**
 * Target vectors of samples that do not have a single class (multi-label and regression tasks).
 *
 * @param rows one vector per sample, with a value for each output
 */
public record Targets(Loss loss, List<float[]> rows) {
  /** The loss of a single output. */
  public enum Loss {
    /** Binary cross-entropy; a target is 1 where the label applies, else 0. */
    BINARY {
      @Override
      NDArray each(NDArray logits, NDArray targets) {
        // softplus(z) - y z; the form with |z| has no gradient at 0, where a cold start begins
        return Activation.softPlus(logits).sub(logits.mul(targets));
      }

      @Override
      NDArray curvature(NDArray logits, NDArray targets) {
        return varianceOf(Activation.sigmoid(logits));
      }
    },
    /**
     * Pseudo-Huber loss (Charbonnier et al. 1997): quadratic for small errors, linear beyond 1. A
     * single record with outlying features therefore cannot dominate the fit.
     */
    SQUARED {
      @Override
      NDArray each(NDArray outputs, NDArray targets) {
        return root(outputs, targets).sub(1);
      }

      @Override
      NDArray curvature(NDArray outputs, NDArray targets) {
        // curvature of the majorising parabola at this point: steps based on it do not overshoot
        return root(outputs, targets).pow(-1).mean(OUTPUT_AXIS);
      }

      private NDArray root(NDArray outputs, NDArray targets) {
        NDArray error = outputs.sub(targets);
        return error.mul(error).add(1).sqrt();
      }
    };

    abstract NDArray each(NDArray outputs, NDArray targets);

    /**
     * Returns, per sample, an upper bound of the second derivative of the loss by an output,
     * averaged over the outputs.
     */
    abstract NDArray curvature(NDArray outputs, NDArray targets);
  }

  private static final int[] OUTPUT_AXIS = {0};

  /** Returns p (1 - p), averaged over a sample's outputs: the curvature of the cross-entropy. */
  static NDArray varianceOf(NDArray probabilities) {
    return probabilities.mul(probabilities.neg().add(1)).mean(OUTPUT_AXIS);
  }
}
