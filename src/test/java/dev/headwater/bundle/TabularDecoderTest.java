package dev.headwater.bundle;

import static org.assertj.core.api.Assertions.assertThat;

import dev.headwater.onnx.ElementType;
import dev.headwater.onnx.TensorInfo;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class TabularDecoderTest {
  private static final Manifest.Tabular ARRAY =
      new Manifest.Tabular(
          "/id",
          List.of(new Manifest.LabelField("/label", new Kind.OneLabel())),
          List.of("/x"),
          true);
  private static final Manifest.Tabular POINTERS =
      new Manifest.Tabular(null, List.of(), List.of("/a", "/b/c"), false);

  private final List<String> problems = new ArrayList<>();

  private static TensorInfo input(ElementType type, long... shape) {
    return new TensorInfo("readings", type, shape);
  }

  private static byte[] utf8(String json) {
    return json.getBytes(StandardCharsets.UTF_8);
  }

  @Test
  void laysRecordsOutRowByRow() throws Exception {
    TabularDecoder decoder =
        TabularDecoder.of(ARRAY, List.of(input(ElementType.FLOAT, -1, 3)), problems);

    Decoded first = decoder.decode(utf8("{\"id\":1,\"x\":[1,2,3],\"label\":\"hot\"}"));
    Decoded second = decoder.decode(utf8("{\"x\":[4,5,6.5],\"id\":\"2\"}"));
    List<ModelInput> batch = decoder.batch(List.of(first, second));

    assertThat(first).returns("1", Decoded::recordId).returns("hot", d -> d.labels().get(0));
    assertThat(second).returns("2", Decoded::recordId).returns(null, d -> d.labels().get(0));
    assertThat(batch).singleElement().returns("readings", ModelInput::name);
    assertThat(batch.get(0).shape()).containsExactly(2, 3);
    float[] values = new float[6];
    ((FloatBuffer) batch.get(0).data()).get(values);
    assertThat(batch.get(0).data().isDirect()).isTrue();
    assertThat(values).containsExactly(1, 2, 3, 4, 5, 6.5f);
  }

  @Test
  void takesTheWidthFromThePointersWhereTheNetworkLeavesItOpen() throws Exception {
    List<TensorInfo> open = List.of(input(ElementType.FLOAT, -1, -1));

    TabularDecoder decoder = TabularDecoder.of(POINTERS, open, problems);

    Decoded record = decoder.decode(utf8("{\"b\":{\"c\":2},\"a\":1}"));
    assertThat(decoder.batch(List.of(record)).get(0).shape()).containsExactly(1, 2);
    assertThat(TabularDecoder.of(ARRAY, open, problems)).isNull();
    assertThat(problems).singleElement().asString().contains("the model has a dynamic width");
  }

  @ParameterizedTest
  @EnumSource(names = {"DOUBLE", "INT64", "STRING", "FLOAT16"})
  void refusesAnInputOfAnotherType(ElementType type) {
    assertThat(TabularDecoder.of(ARRAY, List.of(input(type, -1, 3)), problems)).isNull();
    assertThat(problems).singleElement().asString().contains("readings " + type);
  }

  @Test
  void refusesAnInputThatIsNoRowARecord() {
    List<List<TensorInfo>> networks =
        List.of(
            List.of(input(ElementType.FLOAT, 1, 3)),
            List.of(input(ElementType.FLOAT, -1, 3, 8)),
            List.of(input(ElementType.FLOAT, 3)),
            List.of(input(ElementType.FLOAT, -1, 3), input(ElementType.FLOAT, -1, 2)),
            List.of());
    for (List<TensorInfo> network : networks) {
      assertThat(TabularDecoder.of(ARRAY, network, problems)).isNull();
    }
    assertThat(problems)
        .hasSameSizeAs(networks)
        .allSatisfy(problem -> assertThat(problem).contains("[N, width]"));
  }
}
