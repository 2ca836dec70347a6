package dev.headwater.bundle;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.bundle.FieldReader.Fields;
import dev.headwater.bundle.Manifest.LabelField;
import java.util.List;
import java.util.Objects;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What it reads is what the reader it saves would have read, to the bit. */
class FlatReaderTest {
  private static final List<LabelField> LABELS =
      List.of(
          new LabelField(null, new Kind.OneLabel()), new LabelField("/label", new Kind.OneLabel()));
  private static final FlatReader FLAT =
      Objects.requireNonNull(FlatReader.of("/id", LABELS, List.of("/x"), true, 2));
  private static final FieldReader ANY =
      new FieldReader("/id", LABELS, null, List.of("/x"), true, 2);

  /** The longest that are read by two words end at their sixteenth character. */
  private static final String ROW =
      "{\"x\":[-12.5, 0.25,1234567.1234567,-654321.8765432,0.00000001, -19.367732,123456.12345678,2.5],"
          + "\"id\":\"r1\"}";

  private static final FlatReader FLAT_ROW =
      Objects.requireNonNull(FlatReader.of("/id", LABELS, List.of("/x"), true, 8));
  private static final FieldReader ANY_ROW =
      new FieldReader("/id", LABELS, null, List.of("/x"), true, 8);

  private static void agrees(String json) {
    agree(FLAT, ANY, json.getBytes(UTF_8));
  }

  /** What the one takes, the other reads to the same bits. */
  private static void agree(FlatReader one, FieldReader other, byte[] record) {
    Fields flat = one.read(record);
    if (flat == null) {
      return;
    }
    String json = new String(record, UTF_8);
    Fields any;
    try {
      any = other.read(record);
    } catch (InvalidRecordException e) {
      throw new AssertionError("took what is refused: " + json, e);
    }
    assertThat(flat.id()).as(json).isEqualTo(any.id());
    assertThat(flat.labels()).as(json).isEqualTo(any.labels());
    assertThat(bits(flat.numbers())).as(json).isEqualTo(bits(any.numbers()));
  }

  private static int[] bits(float[] numbers) {
    int[] bits = new int[numbers.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(numbers[i]);
    }
    return bits;
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"id\":\"r\",\"x\":[1,-2.5]}",
        " {\"label\" : \"a\" ,\n\"x\":\t[ 0.1 , 1E-2 ], \"id\":\"r\"}\r\n",
        "{\"id\":\"r\",\"more\":1.5e3,\"no\":null,\"yes\":true,\"not\":false,\"s\":\"\",\"x\":[-0,-0.0]}",
        "{\"id\":\"r\",\"x\":[16777217,123456789012345678]}",
        "{\"id\":\"r\",\"x\":[0.12345678901234567,3.4028234663852886e38]}",
        "{\"id\":\"r\",\"x\":[1.4e-45,1.17549435e-38]}"
      })
  void readsPlainRecords(String json) {
    assertThat(FLAT.read(json.getBytes(UTF_8))).as(json).isNotNull();
    agrees(json);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[1,2]",
        "{\"id\":\"r\",\"x\":[1,2]} x",
        "{\"id\":\"r\",\"x\":[1,2]",
        "{\"id\":\"r\",\"x\":[1,2],}",
        "{\"id\":\"r\",\"x\":[1,2,3]}",
        "{\"id\":\"r\",\"x\":[1]}",
        "{\"id\":\"r\",\"x\":[1,]}",
        "{\"id\":\"r\",\"x\":[1,\"2\"]}",
        "{\"id\":\"r\",\"x\":[1,NaN]}",
        "{\"id\":\"r\",\"x\":[1,+2]}",
        "{\"id\":\"r\",\"x\":[01,2]}",
        "{\"id\":\"r\",\"x\":[1.,2]}",
        "{\"id\":\"r\",\"x\":[.5,2]}",
        "{\"id\":\"r\",\"x\":[-,2]}",
        "{\"id\":\"r\",\"x\":[1e,2]}",
        "{\"id\":\"r\",\"x\":[1e39,2]}",
        "{\"id\":\"r\",\"x\":[1,2],\"x\":[1,2]}",
        "{\"id\":\"r\",\"id\":\"r\",\"x\":[1,2]}",
        "{\"id\":\" \",\"x\":[1,2]}",
        "{\"id\":7,\"x\":[1,2]}",
        "{\"id\":\"\\u0072\",\"x\":[1,2]}",
        "{\"id\":\"é\",\"x\":[1,2]}",
        "{\"id\":\"r\",\"x\":[1,2],\"deep\":{\"er\":1}}",
        "{\"id\":\"r\",\"x\":[1,2],\"label\":null}",
        "{\"id\":\"r\"}",
        "{\"x\":[1,2]}",
        "{\"id\":\"r\",\"x\":[1,2],\"word\":nul}",
        "{\"id\":\"r\",\"x\":[1,2],\"a\u0000\":1}",
        "{\"id\":\"r\" \"x\":[1,2]}"
      })
  void leavesWhatIsUnusualOrWrongToTheOther(String json) {
    assertThat(FLAT.read(json.getBytes(UTF_8))).as(json).isNull();
  }

  @Test
  void readsARowOfDecimals() {
    assertThat(FLAT_ROW.read(ROW.getBytes(UTF_8))).isNotNull();
    agree(FLAT_ROW, ANY_ROW, ROW.getBytes(UTF_8));
  }

  @Test
  void isForFlatRecordsOfOneArrayOnly() {
    assertThat(FlatReader.of("/meta/id", List.of(), List.of("/x"), true, 2)).isNull();
    assertThat(FlatReader.of("/id", List.of(), List.of("/a", "/b"), false, 2)).isNull();
    assertThat(FlatReader.of("/a~1b", List.of(), List.of("/x"), true, 2)).isNull();
    assertThat(
            FlatReader.of(
                "/id",
                List.of(new LabelField("/label", new Kind.LabelSet())),
                List.of("/x"),
                true,
                2))
        .isNull();
  }

  @Property(tries = 20_000)
  void readsEveryNumberToTheBit(@ForAll("numbers") String number) {
    agrees("{\"id\":\"r\",\"x\":[" + number + ",1]}");
    agrees("{\"id\":\"r\",\"x\":[1, " + number + "]}");
    agrees("{\"x\":[" + number + ", 1],\"id\":\"a longer one\"}");
  }

  @Provide
  Arbitrary<String> numbers() {
    Arbitrary<String> floats =
        Arbitraries.integers().map(bits -> Float.toString(Float.intBitsToFloat(bits)));
    Arbitrary<String> doubles =
        Arbitraries.longs().map(bits -> Double.toString(Double.longBitsToDouble(bits)));
    Arbitrary<String> decimals =
        Arbitraries.bigDecimals().ofScale(12).map(decimal -> decimal.toPlainString());
    // half way between two floats, and one digit off
    Arbitrary<String> halves =
        Arbitraries.integers()
            .between(0x3f000000, 0x4b800000)
            .map(
                bits ->
                    new java.math.BigDecimal(
                            ((double) Float.intBitsToFloat(bits) + Float.intBitsToFloat(bits + 1))
                                / 2)
                        .toPlainString());
    // as short as most are, and all that looks like it: 0.5, -12.25, 007.1, .5, 3., -, 1.2e3
    Arbitrary<String> digits = Arbitraries.strings().numeric().ofMaxLength(9);
    Arbitrary<String> shorts =
        Combinators.combine(
                Arbitraries.of("", "-", "+"),
                digits,
                Arbitraries.of("", ".", ".", "."),
                digits,
                Arbitraries.of("", "", "", " ", "e1", "E-2", "f"))
            .as((sign, whole, point, part, more) -> sign + whole + point + part + more);
    return Arbitraries.oneOf(floats, doubles, decimals, halves, shorts);
  }

  /** Whatever a byte is changed to, it is read alike or left to the other. */
  @Property(tries = 20_000)
  void isNeverOfAnotherOpinion(@ForAll int at, @ForAll byte with) {
    String json = "{\"id\":\"r1\",\"x\":[-12.5e1,0.25],\"label\":\"a\",\"n\":null,\"s\":\"t\"}";
    agree(FLAT, ANY, changed(json, at, with));
  }

  /** As they come one after the other: of few digits and many, with a sign, spaces and without. */
  @Property(tries = 20_000)
  void isNeverOfAnotherOpinionAboutDecimals(@ForAll int at, @ForAll byte with) {
    agree(FLAT_ROW, ANY_ROW, changed(ROW, at, with));
  }

  private static byte[] changed(String json, int at, byte with) {
    byte[] changed = json.getBytes(UTF_8);
    changed[Math.floorMod(at, changed.length)] = with;
    return changed;
  }
}
