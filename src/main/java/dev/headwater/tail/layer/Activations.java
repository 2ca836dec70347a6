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

/** Activations that other operators hold inside, by ONNX's names. */
public final class Activations {
  /** Of those known here, what ONNX Runtime takes in recurrent layers and in FusedGemm. */
  static final Set<String> COMMON =
      Set.of("Relu", "Tanh", "Sigmoid", "Softplus", "Softsign", "LeakyRelu", "Elu", "HardSigmoid");

  private Activations() {}

  /**
   * @param given as many as {@link #parameters} says; what takes none ignores them, as in ONNX
   *     Runtime
   */
  public static UnaryOperator<NDArray> of(String name, List<Float> given) {
    return switch (name) {
      case "Relu" -> Activation::relu;
      case "Tanh" -> NDArray::tanh;
      case "Sigmoid" -> Activation::sigmoid;
      case "Softplus" -> Activation::softPlus;
      case "Softsign" -> Elementwise::softsign;
      case "LeakyRelu" -> x -> Elementwise.leaky(x, given.get(0));
      case "Elu" -> x -> Elementwise.elu(x, given.get(0), 1);
      case "HardSigmoid" -> x -> Elementwise.hard(x, given.get(0), given.get(1));
      case "Clip" -> x -> x.maximum(given.get(0)).minimum(given.get(1));
      default -> throw new IllegalArgumentException("no activation " + name);
    };
  }

  static int parameters(String name) {
    return name.equals("Clip") ? 2 : defaults(name).size();
  }

  /**
   * ONNX's, of the operators of these names: ONNX Runtime's LSTM and GRU take them too. Its RNN
   * takes 0 instead, its fused operators none.
   */
  static List<Float> defaults(String name) {
    return switch (name) {
      case "LeakyRelu" -> List.of(0.01f);
      case "Elu" -> List.of(1f);
      case "HardSigmoid" -> List.of(0.2f, 0.5f);
      default -> List.of();
    };
  }

  /** As an operator's obstacle, of a fused node that gives so many parameters. */
  public static @Nullable String obstacle(NodeProto node, Set<String> taken, int given) {
    String name = Call.text(node, "activation", "");
    if (!taken.contains(name)) {
      return "has an activation that is not rebuilt, `" + name + "`";
    }
    int wanted = parameters(name);
    return wanted == 0 || wanted == given
        ? null
        : "has an activation that takes %d parameters and is given %d, `%s`"
            .formatted(wanted, given, name);
  }
}
