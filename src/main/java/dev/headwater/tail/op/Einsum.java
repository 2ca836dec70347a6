package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.jni.JniUtils;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** The Einsum operator, computed as a chain of matrix products, one per operand. */
final class Einsum {
  private Einsum() {}

  static @Nullable String obstacle(NodeProto node) {
    String equation = equation(node);
    return Equation.valid(equation) ? null : "has an invalid equation, `" + equation + "`";
  }

  private static String equation(NodeProto node) {
    return Call.text(node, "equation", "").replace(" ", "");
  }

  static NDArray of(Call call) {
    int operands = call.inputs().size();
    Equation equation =
        Equation.of(
            equation(call.node()),
            IntStream.range(0, operands).mapToObj(i -> call.in(i).getShape()).toList());
    Map<Integer, Long> sizes = equation.sizes();
    String names = distinct(equation.terms().get(0));
    NDArray result = operand(call.in(0), equation.terms().get(0), sizes);
    for (int i = 1; i < operands; i++) {
      String term = distinct(equation.terms().get(i));
      String later = equation.result() + String.join("", equation.terms().subList(i + 1, operands));
      String shared = retain(names, term, true);
      String batch = retain(shared, later, true);
      String summed = retain(shared, later, false);
      String rows = retain(retain(names, term, false), later, true);
      String columns = retain(retain(term, names, false), later, true);
      NDArray other = Call.near(operand(call.in(i), equation.terms().get(i), sizes), result);
      NDArray left = grouped(Call.near(result, other), names, sizes, batch, rows, summed);
      NDArray right = grouped(other, term, sizes, batch, summed, columns);
      names = batch + rows + columns;
      result = Linear.product(left, right).reshape(shape(sizes, names.split("")));
    }
    return grouped(result, names, sizes, equation.result().split(""));
  }

  private static String distinct(String term) {
    return term.chars().distinct().mapToObj(Character::toString).collect(Collectors.joining());
  }

  /** Broadcasts each axis to its full length and takes the diagonal of axes with the same name. */
  private static NDArray operand(NDArray x, String term, Map<Integer, Long> sizes) {
    Shape full = new Shape(term.chars().mapToLong(sizes::get).toArray());
    NDArray operand = x.getShape().equals(full) ? x : x.broadcast(full);
    String names = term;
    for (int at = 0; at < names.length(); at++) {
      int duplicate = names.indexOf(names.charAt(at), at + 1);
      if (duplicate > 0) { // the diagonal becomes the last axis: check this position again
        operand = JniUtils.diagonal((PtNDArray) operand, 0, at, duplicate);
        char name = names.charAt(at);
        names =
            new StringBuilder(names)
                .deleteCharAt(duplicate)
                .deleteCharAt(at)
                .append(name)
                .toString();
        at--;
      }
    }
    String order = distinct(term);
    String left = names;
    return names.equals(order)
        ? operand
        : operand.transpose(order.chars().map(left::indexOf).toArray());
  }

  /** Returns the names that are (or are not) contained in others. */
  private static String retain(String names, String others, boolean contained) {
    return names
        .chars()
        .filter(name -> others.indexOf(name) >= 0 == contained)
        .mapToObj(Character::toString)
        .collect(Collectors.joining());
  }

  /** Merges the axes of each group into one, in order; sums over axes in no group. */
  private static NDArray grouped(
      NDArray x, String names, Map<Integer, Long> sizes, String... groups) {
    String order = String.join("", groups);
    for (int axis = names.length() - 1; axis >= 0; axis--) {
      x = order.indexOf(names.charAt(axis)) < 0 ? x.sum(new int[] {axis}) : x;
    }
    String left = retain(names, order, true);
    NDArray arranged =
        left.length() < 2 ? x : x.transpose(order.chars().map(left::indexOf).toArray());
    return arranged.reshape(shape(sizes, groups));
  }

  private static Shape shape(Map<Integer, Long> sizes, String... groups) {
    LongStream axes =
        Stream.of(groups)
            .mapToLong(group -> group.chars().mapToLong(sizes::get).reduce(1, Math::multiplyExact));
    return groups.length == 1 && groups[0].isEmpty() ? new Shape() : new Shape(axes.toArray());
  }
}
