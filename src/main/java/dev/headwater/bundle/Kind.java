package dev.headwater.bundle;

import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The output type of a task, which determines the form of its labels: a single label, a set of
 * labels, or a number. Labels are transported as text, see {@link Label#text}.
 */
public sealed interface Kind {
  /** Classification: exactly one label of a label set. */
  record OneLabel() implements Kind {
    @Override
    public @Nullable String problem(String label) {
      return Label.names(label).isPresent() ? "is an array, expected a single label" : null;
    }

    @Override
    public List<String> names(String label) {
      return List.of(label);
    }

    @Override
    public double error(String predicted, String truth) {
      return predicted.equals(truth) ? 0 : 1;
    }
  }

  /** Multi-label classification: any subset of a label set, in text form a JSON array. */
  record LabelSet() implements Kind {
    @Override
    public @Nullable String problem(String label) {
      Optional<List<String>> names = Label.names(label);
      if (names.isEmpty()) {
        return "is not an array of labels";
      }
      return names.get().stream().anyMatch(String::isBlank) ? "contains a blank label" : null;
    }

    @Override
    public List<String> names(String label) {
      return Label.names(label).orElse(List.of());
    }

    /** Removes retired labels from the set. */
    @Override
    public Optional<String> now(LabelAliases aliases, String label) {
      List<String> now = new ArrayList<>();
      names(label).forEach(name -> aliases.now(name).ifPresent(now::add));
      return Optional.of(Label.text(now));
    }

    @Override
    public double error(String predicted, String truth) {
      return predicted.equals(truth) ? 0 : 1;
    }
  }

  /**
   * Regression: a number. Its head has one output.
   *
   * @param log whether the head predicts the natural logarithm; errors are then ratios, and labels
   *     must be above 0
   */
  record Quantity(boolean log) implements Kind {
    /** Name of the head's output, in place of a label. */
    public static final String OUTPUT = "value";

    /** A JSON number. */
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");

    /** Heads use 32-bit floats; the spread of larger numbers would overflow them. */
    private static final double MAX_VALUE = 1e30;

    /** Above this value, {@code exp} overflows a double. */
    private static final double MAX_LOG = 700;

    @Override
    public @Nullable String problem(String label) {
      if (!NUMBER.matcher(label).matches()) {
        return "is not a number";
      }
      double value = Double.parseDouble(label);
      if (!Double.isFinite(value) || !log && Math.abs(value) > MAX_VALUE) {
        return "is outside the supported range";
      }
      return log && value <= 0 ? "must be above 0, because the scale is log" : null;
    }

    @Override
    public List<String> names(String label) {
      return List.of();
    }

    @Override
    public double error(String predicted, String truth) {
      double distance = Math.abs(onScale(predicted) - onScale(truth));
      return distance / (1 + distance);
    }

    /** Converts a label to the scale of the head's output. */
    public double onScale(String label) {
      double value = Double.parseDouble(label);
      return log ? Math.log(value) : value;
    }

    /** Converts a head's output to the scale of the labels. */
    public double value(double onScale) {
      return log ? Math.exp(Math.max(-MAX_LOG, Math.min(MAX_LOG, onScale))) : onScale;
    }
  }

  /** Returns why this text is malformed for this type of label, or null if it is well-formed. */
  @Nullable String problem(String label);

  /** Returns the names of the labels that this text contains; empty for numbers. */
  List<String> names(String label);

  /** Returns the current name of a label after merges; empty if it was retired. */
  default Optional<String> now(LabelAliases aliases, String label) {
    return aliases.now(label);
  }

  /**
   * Returns the error of a prediction, in [0, 1]. For numbers it is monotonic in the distance but
   * has no fixed unit.
   */
  double error(String predicted, String truth);
}
