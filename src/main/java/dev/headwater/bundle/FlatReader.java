package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.bundle.Manifest.LabelField;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads what most records of numbers are: one flat JSON object in ASCII with an array of plain
 * numbers. It reads nothing otherwise than {@link FieldReader} does, and refuses nothing: whatever
 * is unusual or wrong is left to that one. Thread-safe. See RATIONALE.md for what it saves.
 */
final class FlatReader {
  private final List<Named> texts = new ArrayList<>();
  private final byte[] numbers;
  private final boolean identified;
  private final int tasks;
  private final int width;

  /**
   * @param slot 0 for the id, 1 + task for a label
   */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Named(byte[] name, int slot) {}

  private FlatReader(@Nullable String id, List<LabelField> labels, String numbers, int width) {
    if (id != null) {
      texts.add(new Named(name(id), 0));
    }
    for (int task = 0; task < labels.size(); task++) {
      String pointer = labels.get(task).pointer();
      if (pointer != null) {
        texts.add(new Named(name(pointer), 1 + task));
      }
    }
    this.numbers = name(numbers);
    this.identified = id != null;
    this.tasks = labels.size();
    this.width = width;
  }

  /**
   * Null where what is wanted is not of this kind.
   *
   * @param numbers pointers, as {@link FieldReader} takes them
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

  /** Null where {@link FieldReader} has to look. */
  @Nullable Fields read(byte @Nullable [] value) {
    return value == null ? null : new Pass(value).fields();
  }

  /** One pass over one value. */
  private final class Pass {
    private final PlainNumbers in;
    private final @Nullable String[] found = new String[1 + tasks];
    private float @Nullable [] row;

    Pass(byte[] value) {
      in = new PlainNumbers(value);
    }

    @Nullable Fields fields() {
      boolean more = in.skips('{');
      while (more) {
        if (!field()) {
          return null;
        }
        more = in.skips(',');
      }
      boolean whole = in.skips('}') && in.ended();
      return !whole || row == null || (identified && found[0] == null)
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
      for (Named text : texts) {
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
