package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Elementwise;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Activations inside fused and recurrent operators, by ONNX name. */
public final class Activations {
  /** Supported activations that ONNX Runtime accepts in recurrent layers and in FusedGemm. */
  static final Set<String> COMMON =
      Set.of("Relu", "Tanh", "Sigmoid", "Softplus", "Softsign", "LeakyRelu", "Elu", "HardSigmoid");

  private Activations() {}

  /**
   * Returns an activation function.
   *
   * @param values as many parameter values as {@link #parameters} returns; ignored by activations
   *     without parameters, as in ONNX Runtime
   */
  public static UnaryOperator<NDArray> of(String name, List<Float> values) {
    return switch (name) {
      case "Relu" -> Activation::relu;
      case "Tanh" -> NDArray::tanh;
      case "Sigmoid" -> Activation::sigmoid;
      case "Softplus" -> Activation::softPlus;
      case "Softsign" -> Elementwise::softsign;
      case "LeakyRelu" -> x -> Elementwise.leaky(x, values.get(0));
      case "Elu" -> x -> Elementwise.elu(x, values.get(0), 1);
      case "HardSigmoid" -> x -> Elementwise.hard(x, values.get(0), values.get(1));
      case "Clip" -> x -> x.maximum(values.get(0)).minimum(values.get(1));
      default -> throw new IllegalArgumentException("unsupported activation " + name);
    };
  }

  static int parameters(String name) {
    return name.equals("Clip") ? 2 : defaults(name).size();
  }

  /**
   * Returns the default parameters, those of the ONNX operators of the same names. ONNX Runtime
   * uses them in LSTM and GRU; its RNN uses 0 instead, and its fused operators have no defaults.
   */
  static List<Float> defaults(String name) {
    return switch (name) {
      case "LeakyRelu" -> List.of(0.01f);
      case "Elu" -> List.of(1f);
      case "HardSigmoid" -> List.of(0.2f, 0.5f);
      default -> List.of();
    };
  }

  /** Returns the obstacle of a fused node with the given number of activation parameters. */
  public static @Nullable String obstacle(NodeProto node, Set<String> supported, int count) {
    String name = Call.text(node, "activation", "");
    if (!supported.contains(name)) {
      return "uses the unsupported activation `" + name + "`";
    }
    int expected = parameters(name);
    return expected == 0 || expected == count
        ? null
        : "uses the activation `%s` with %d parameters, expected %d"
            .formatted(name, count, expected);
  }
}
