package dev.headwater.tail.layer;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Activation;
import ai.onnx.proto.OnnxMl.NodeProto;
import dev.headwater.tail.op.Call;
import dev.headwater.tail.op.Elementwise;
import java.util.Optional;
import java.util.function.UnaryOperator;

/** Activations that other operators hold inside, by ONNX's names. */
public final class Activations {
  private Activations() {}

  /**
   * The activation; empty where it is not known here.
   *
   * @param given its parameters; ONNX's defaults where they are left out
   */
  public static Optional<UnaryOperator<NDArray>> of(String name, float... given) {
    UnaryOperator<NDArray> known =
        switch (name) {
          case "" -> x -> x;
          case "Relu" -> Activation::relu;
          case "Tanh" -> NDArray::tanh;
          case "Sigmoid" -> Activation::sigmoid;
          case "Softplus" -> Activation::softPlus;
          case "Softsign" -> Elementwise::softsign;
          case "LeakyRelu" -> x -> Elementwise.leaky(x, parameter(given, 0, 0.01f));
          case "Elu" -> x -> Elementwise.elu(x, parameter(given, 0, 1), 1);
          case "HardSigmoid" ->
              x -> Elementwise.hard(x, parameter(given, 0, 0.2f), parameter(given, 1, 0.5f));
          case "Clip" ->
              x ->
                  x.maximum(parameter(given, 0, -Float.MAX_VALUE))
                      .minimum(parameter(given, 1, Float.MAX_VALUE));
          default -> null;
        };
    return Optional.ofNullable(known);
  }

  private static float parameter(float[] given, int which, float otherwise) {
    return which < given.length ? given[which] : otherwise;
  }

  /** As an operator's obstacle, of a node whose one activation is not known here. */
  public static String unknown(NodeProto node) {
    return "has an activation that is not rebuilt, `%s`"
        .formatted(Call.text(node, "activation", ""));
  }
}
