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

/** Sums of products over named axes, as products of matrices: operand by operand. */
final class Einsum {
  private Einsum() {}

  static @Nullable String obstacle(NodeProto node) {
    String equation = equation(node);
    return Equation.valid(equation) ? null : "has no equation of axes, `" + equation + "`";
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
      String shared = among(names, term, true);
      String batch = among(shared, later, true);
      String summed = among(shared, later, false);
      String rows = among(among(names, term, false), later, true);
      String columns = among(among(term, names, false), later, true);
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

  /** With every axis at its full length, and of axes with one name the diagonal. */
  private static NDArray operand(NDArray x, String term, Map<Integer, Long> sizes) {
    Shape full = new Shape(term.chars().mapToLong(sizes::get).toArray());
    NDArray operand = x.getShape().equals(full) ? x : x.broadcast(full);
    String names = term;
    for (int at = 0; at < names.length(); at++) {
      int again = names.indexOf(names.charAt(at), at + 1);
      if (again > 0) { // the diagonal becomes the last axis: look here once more
        operand = JniUtils.diagonal((PtNDArray) operand, 0, at, again);
        char name = names.charAt(at);
        names =
            new StringBuilder(names).deleteCharAt(again).deleteCharAt(at).append(name).toString();
        at--;
      }
    }
    String order = distinct(term);
    String left = names;
    return names.equals(order)
        ? operand
        : operand.transpose(order.chars().map(left::indexOf).toArray());
  }

  /** Those names that are, or are not, among others. */
  private static String among(String names, String others, boolean wanted) {
    return names
        .chars()
        .filter(name -> others.indexOf(name) >= 0 == wanted)
        .mapToObj(Character::toString)
        .collect(Collectors.joining());
  }

  /** One axis a group of names, in their order; what is in none is summed up. */
  private static NDArray grouped(
      NDArray x, String names, Map<Integer, Long> sizes, String... groups) {
    String order = String.join("", groups);
    for (int axis = names.length() - 1; axis >= 0; axis--) {
      x = order.indexOf(names.charAt(axis)) < 0 ? x.sum(new int[] {axis}) : x;
    }
    String left = among(names, order, true);
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
