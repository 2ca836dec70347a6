package dev.headwater.bundle;

import dev.headwater.schema.Label;
import dev.headwater.schema.LabelAliases;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What a task tells of a record, and so what its labels are. Labels travel as text, {@link
 * Label#text}.
 */
public sealed interface Kind {
  /** One of a set of labels. */
  record OneLabel() implements Kind {
    @Override
    public @Nullable String problem(String label) {
      return Label.names(label).isPresent() ? "is an array where one label is due" : null;
    }

    @Override
    public List<String> names(String label) {
      return List.of(label);
    }

    @Override
    public double error(String said, String truth) {
      return said.equals(truth) ? 0 : 1;
    }
  }

  /** Any number of a set of labels, none of them included. A label's text is a JSON array. */
  record LabelSet() implements Kind {
    @Override
    public @Nullable String problem(String label) {
      Optional<List<String>> names = Label.names(label);
      if (names.isEmpty()) {
        return "is no array of labels";
      }
      return names.get().stream().anyMatch(String::isBlank) ? "holds a blank label" : null;
    }

    @Override
    public List<String> names(String label) {
      return Label.names(label).orElse(List.of());
    }

    /** Labels that were retired leave the set. */
    @Override
    public Optional<String> now(LabelAliases aliases, String label) {
      List<String> now = new ArrayList<>();
      names(label).forEach(name -> aliases.now(name).ifPresent(now::add));
      return Optional.of(Label.text(now));
    }

    @Override
    public double error(String said, String truth) {
      return said.equals(truth) ? 0 : 1;
    }
  }

  /**
   * A number. Its head has one output.
   *
   * @param log whether the head tells its natural logarithm: errors then are ratios, and a number
   *     must be above 0
   */
  record Quantity(boolean log) implements Kind {
    /** What its head calls its output. */
    public static final String OUTPUT = "value";

    /** As JSON writes it. */
    private static final Pattern NUMBER = Pattern.compile("-?\\d+(\\.\\d+)?([eE][-+]?\\d+)?");

    /** Heads are of 32-bit floats, whose range a spread of larger numbers would leave. */
    private static final double GREATEST = 1e30;

    /** Beyond it, {@code exp} leaves the range of double. */
    private static final double GREATEST_LOG = 700;

    @Override
    public @Nullable String problem(String label) {
      if (!NUMBER.matcher(label).matches()) {
        return "is no number";
      }
      double value = Double.parseDouble(label);
      if (!Double.isFinite(value) || !log && Math.abs(value) > GREATEST) {
        return "is beyond the range of numbers";
      }
      return log && value <= 0 ? "is not above 0, as numbers on a log scale are" : null;
    }

    @Override
    public List<String> names(String label) {
      return List.of();
    }

    @Override
    public double error(String said, String truth) {
      double off = Math.abs(onScale(said) - onScale(truth));
      return off / (1 + off);
    }

    /** What the head should say of a record with this label. */
    public double onScale(String label) {
      double value = Double.parseDouble(label);
      return log ? Math.log(value) : value;
    }

    /** The number that a head's output means. */
    public double value(double onScale) {
      return log ? Math.exp(Math.max(-GREATEST_LOG, Math.min(GREATEST_LOG, onScale))) : onScale;
    }
  }

  /** Why this can be the label of no record, by its form; null where it can. */
  @Nullable String problem(String label);

  /** The labels by name that are in this one. */
  List<String> names(String label);

  /** What a label means now; empty where it was retired. */
  default Optional<String> now(LabelAliases aliases, String label) {
    return aliases.now(label);
  }

  /** How wrong this was to say, in [0, 1]; of numbers on no fixed scale, but in order. */
  double error(String said, String truth);
}
