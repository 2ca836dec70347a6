package dev.headwater.tail.op;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.Shape;
import ai.onnx.proto.OnnxMl.NodeProto;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Sums of products over named axes, as products of matrices: operand by operand. */
final class Einsum {
  private Einsum() {}

  /** Repeated names, which are diagonals, ellipses and results left to be guessed are rare. */
  static @Nullable String obstacle(NodeProto node) {
    String equation = equation(node);
    boolean plain =
        equation.matches("[a-zA-Z]*(,[a-zA-Z]*)*->[a-zA-Z]*")
            && Stream.of(equation.split(",|->"))
                .allMatch(term -> term.chars().distinct().count() == term.length());
    return plain ? null : "has an equation of a kind that is not rebuilt, `" + equation + "`";
  }

  private static String equation(NodeProto node) {
    return Call.text(node, "equation", "").replace(" ", "");
  }

  static NDArray of(Call call) {
    String[] sides = equation(call.node()).split("->", -1);
    String[] terms = sides[0].split(",", -1);
    Map<Integer, Long> sizes = new HashMap<>();
    for (int i = 0; i < terms.length; i++) {
      for (int axis = 0; axis < terms[i].length(); axis++) {
        sizes.put((int) terms[i].charAt(axis), call.in(i).getShape().get(axis));
      }
    }
    NDArray result = call.in(0);
    String names = terms[0];
    for (int i = 1; i < terms.length; i++) {
      String later = sides[1] + String.join("", Arrays.copyOfRange(terms, i + 1, terms.length));
      String shared = among(names, terms[i], true);
      String batch = among(shared, later, true);
      String summed = among(shared, later, false);
      String rows = among(among(names, terms[i], false), later, true);
      String columns = among(among(terms[i], names, false), later, true);
      NDArray other = Call.near(call.in(i), result);
      NDArray left = grouped(Call.near(result, other), names, sizes, batch, rows, summed);
      NDArray right = grouped(other, terms[i], sizes, batch, summed, columns);
      names = batch + rows + columns;
      result = Linear.product(left, right).reshape(shape(sizes, names.split("")));
    }
    return grouped(result, names, sizes, sides[1].split(""));
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
