package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.bundle.Manifest.LabelField;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A fast path for the usual numeric record: a flat JSON object in ASCII with one array of numbers.
 * It reads every value as {@link FieldReader} does and rejects none: unusual or invalid records are
 * left to {@link FieldReader}. Thread-safe. See docs/design/bundle.md for the time it saves.
 */
final class FlatReader {
  private final List<StringField> strings = new ArrayList<>();
  private final byte[] numbers;
  private final boolean hasId;
  private final int tasks;
  private final int width;

  /**
   * A string field to extract.
   *
   * @param slot 0 for the id, 1 + task index for a label
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record StringField(byte[] name, int slot) {}

  private FlatReader(@Nullable String id, List<LabelField> labels, String numbers, int width) {
    if (id != null) {
      strings.add(new StringField(name(id), 0));
    }
    for (int task = 0; task < labels.size(); task++) {
      String pointer = labels.get(task).pointer();
      if (pointer != null) {
        strings.add(new StringField(name(pointer), 1 + task));
      }
    }
    this.numbers = name(numbers);
    this.hasId = id != null;
    this.tasks = labels.size();
    this.width = width;
  }

  /**
   * Returns a reader of these fields, or null if they are not all supported.
   *
   * @param numbers JSON pointers, as in {@link FieldReader}
   */
  static @Nullable FlatReader of(
      @Nullable String id,
      List<LabelField> labels,
      List<String> numbers,
      boolean array,
      int width) {
    boolean flat =
        array
            && (id == null || isFlat(id))
            && isFlat(numbers.get(0))
            && labels.stream()
                .filter(label -> label.pointer() != null)
                .allMatch(
                    label -> label.kind() instanceof Kind.OneLabel && isFlat(label.pointer()));
    return flat ? new FlatReader(id, labels, numbers.get(0), width) : null;
  }

  private static boolean isFlat(@Nullable String pointer) {
    return pointer != null && pointer.matches("/[\\x20-\\x7e&&[^/~\"\\\\]]+");
  }

  private static byte[] name(String pointer) {
    return pointer.substring(1).getBytes(ISO_8859_1);
  }

  /** Returns the fields, or null if {@link FieldReader} has to read the value. */
  @Nullable Fields read(byte @Nullable [] value) {
    return value == null ? null : new Pass(value).fields();
  }

  private final class Pass {
    private final PlainNumbers in;
    private final @Nullable String[] found = new String[1 + tasks];
    private float @Nullable [] row;

    Pass(byte[] value) {
      in = new PlainNumbers(value);
    }

    @Nullable Fields fields() {
      boolean hasField = in.skips('{');
      while (hasField) {
        if (!field()) {
          return null;
        }
        hasField = in.skips(',');
      }
      boolean isComplete = in.skips('}') && in.ended();
      return !isComplete || row == null || (hasId && found[0] == null)
          ? null
          : new Fields(found[0], Arrays.asList(found).subList(1, found.length), null, null, row);
    }

    private boolean field() {
      int from = in.string();
      if (from < 0) {
        return false;
      }
      int to = in.at() - 1;
      if (!in.skips(':')) {
        return false;
      }
      if (in.is(from, to, numbers)) {
        boolean first = row == null;
        row = first ? in.array(width) : null;
        return row != null;
      }
      for (StringField text : strings) {
        if (in.is(from, to, text.name())) {
          return found[text.slot()] == null && (found[text.slot()] = text()) != null;
        }
      }
      return in.skipScalar();
    }

    private @Nullable String text() {
      int from = in.string();
      String text = from < 0 ? "" : in.text(from, in.at() - 1);
      return text.isBlank() ? null : text;
    }
  }
}
