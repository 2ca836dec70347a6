package dev.headwater.tail.op;

import ai.djl.ndarray.types.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * An Einsum's equation, written out for operands of these shapes: one name an axis.
 *
 * @param terms of the operands, which may repeat a name
 * @param sizes the length of each name's axes, but for those of length 1 that are stretched to it
 */
record Equation(List<String> terms, String result, Map<Integer, Long> sizes) {
  private static final String TERM = "[a-zA-Z]*(\\.\\.\\.)?[a-zA-Z]*";
  private static final String ELLIPSIS = "...";

  /**
   * The names of the axes that an ellipsis stands for, from the last one on: none that is given.
   */
  private static final int UNNAMED = 'a' + 0x1000;

  /** Whether it is one that ONNX knows. */
  static boolean valid(String equation) {
    return equation.matches("%s(,%s)*(->%s)?".formatted(TERM, TERM, TERM));
  }

  static Equation of(String equation, List<Shape> shapes) {
    String[] sides = equation.split("->", -1);
    String[] given = sides[0].split(",", -1);
    List<String> terms = new ArrayList<>();
    Map<Integer, Long> sizes = new HashMap<>();
    int unnamed = 0;
    for (int i = 0; i < given.length; i++) {
      int rank = shapes.get(i).dimension();
      int hidden = rank - given[i].replace(ELLIPSIS, "").length();
      String term = given[i].replace(ELLIPSIS, unnamed(hidden));
      if (term.length() != rank) {
        throw new IllegalArgumentException(
            "`%s` does not name the axes of %s".formatted(given[i], shapes.get(i)));
      }
      for (int axis = 0; axis < rank; axis++) {
        sizes.merge((int) term.charAt(axis), shapes.get(i).get(axis), Math::max);
      }
      terms.add(term);
      unnamed = Math.max(unnamed, hidden);
    }
    String result =
        sides.length > 1
            ? sides[1].replace(ELLIPSIS, unnamed(unnamed))
            : implied(sides[0], unnamed);
    return new Equation(terms, result, sizes);
  }

  private static String unnamed(int count) {
    return IntStream.range(0, Math.max(0, count))
        .mapToObj(i -> Character.toString(UNNAMED + Math.max(0, count) - 1 - i))
        .collect(Collectors.joining());
  }

  /** What an ellipsis stands for, then each name that is there once, in order. */
  private static String implied(String terms, int unnamed) {
    String names = terms.replaceAll("[^a-zA-Z]", "");
    return unnamed(unnamed)
        + Stream.of(names.split(""))
            .filter(name -> !name.isEmpty() && names.indexOf(name) == names.lastIndexOf(name))
            .sorted()
            .collect(Collectors.joining());
  }
}
