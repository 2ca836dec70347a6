package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TensorDecoderTest {
  private final List<String> problems = new ArrayList<>();

  private static TensorInfo input(ElementType type, long... shape) {
    return new TensorInfo("signal", type, shape);
  }

  private TensorDecoder decoder() {
    TensorDecoder decoder = TensorDecoder.of(List.of(input(ElementType.FLOAT, -1, 2, 3)), problems);
    assertThat(problems).isEmpty();
    return decoder;
  }

  private static byte[] littleEndian(float... numbers) {
    ByteBuffer bytes =
        ByteBuffer.allocate(numbers.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(numbers);
    return bytes.array();
  }

  @Test
  void laysRecordsOutAsTheyLieInMemory() throws Exception {
    TensorDecoder decoder = decoder();
    byte[] one = {0, 0, (byte) 0x80, 0x3F};
    assertThat(littleEndian(1)).as("the order that is meant").isEqualTo(one);

    Decoded first = decoder.decode(littleEndian(1, 2, 3, 4, 5, 6.5f));
    Decoded second = decoder.decode(littleEndian(-1, 0, 0, 0, 0, Float.MIN_VALUE));
    List<ModelInput> batch = decoder.batch(List.of(first, second));

    assertThat(first.recordId()).as("there is no field for it").isNull();
    assertThat(first.labels()).isEmpty();
    assertThat(batch).singleElement().returns("signal", ModelInput::name);
    assertThat(batch.get(0).shape()).containsExactly(2, 2, 3);
    float[] values = new float[12];
    ((FloatBuffer) batch.get(0).data()).get(values);
    assertThat(values).containsExactly(1, 2, 3, 4, 5, 6.5f, -1, 0, 0, 0, 0, Float.MIN_VALUE);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 20, 23, 25, 28, 48})
  void refusesAnotherLength(int bytes) {
    InvalidRecordException refused =
        catchThrowableOfType(InvalidRecordException.class, () -> decoder().decode(new byte[bytes]));

    assertThat(refused.field()).isEqualTo("value");
    assertThat(refused)
        .hasMessage("value has %d bytes, expected 24 for float32 of shape [2, 3]".formatted(bytes));
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void refusesWhatIsNotFinite(float number) {
    InvalidRecordException refused =
        catchThrowableOfType(
            InvalidRecordException.class,
            () -> decoder().decode(littleEndian(1, 2, 3, 4, number, 6)));

    assertThat(refused.field()).isEqualTo("value");
    assertThat(refused).hasMessage("value is " + number + " at index 4");
  }

  @Test
  void refusesNothingAndATombstone() {
    assertThat(
            catchThrowableOfType(InvalidRecordException.class, () -> decoder().decode(new byte[0])))
        .hasMessageContaining("empty");
    assertThat(catchThrowableOfType(InvalidRecordException.class, () -> decoder().decode(null)))
        .hasMessageContaining("tombstone");
  }

  @Test
  void refusesANetworkThatTakesNoTensorOfOneShape() {
    List<List<TensorInfo>> networks =
        List.of(
            List.of(input(ElementType.FLOAT, 1, 3)),
            List.of(input(ElementType.FLOAT, -1, 3, -1)),
            List.of(input(ElementType.FLOAT)),
            List.of(input(ElementType.DOUBLE, -1, 3)),
            List.of(input(ElementType.FLOAT, -1, 3), input(ElementType.FLOAT, -1, 3)),
            List.of());
    for (List<TensorInfo> network : networks) {
      assertThat(TensorDecoder.of(network, problems)).isNull();
    }
    assertThat(problems)
        .hasSameSizeAs(networks)
        .allSatisfy(problem -> assertThat(problem).startsWith("input.format: tensor"));
  }
}
