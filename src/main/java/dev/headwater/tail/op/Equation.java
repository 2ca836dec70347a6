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
 * An Einsum equation expanded for given operand shapes, with one name per axis.
 *
 * @param terms axis names of each operand, which may repeat a name
 * @param sizes axis length by name; axes of length 1 broadcast to it
 */
record Equation(List<String> terms, String result, Map<Integer, Long> sizes) {
  private static final String TERM = "[a-zA-Z]*(\\.\\.\\.)?[a-zA-Z]*";
  private static final String ELLIPSIS = "...";

  /** First name of the axes in an ellipsis, counted from the last axis; outside the letters. */
  private static final int UNNAMED = 'a' + 0x1000;

  /** Returns whether ONNX accepts the equation. */
  static boolean valid(String equation) {
    return equation.matches("%s(,%s)*(->%s)?".formatted(TERM, TERM, TERM));
  }

  static Equation of(String equation, List<Shape> shapes) {
    String[] sides = equation.split("->", -1);
    String[] operandTerms = sides[0].split(",", -1);
    List<String> terms = new ArrayList<>();
    Map<Integer, Long> sizes = new HashMap<>();
    int unnamed = 0;
    for (int i = 0; i < operandTerms.length; i++) {
      int rank = shapes.get(i).dimension();
      int ellipsisRank = rank - operandTerms[i].replace(ELLIPSIS, "").length();
      String term = operandTerms[i].replace(ELLIPSIS, unnamed(ellipsisRank));
      if (term.length() != rank) {
        throw new IllegalArgumentException(
            "equation term `%s` does not match the shape %s"
                .formatted(operandTerms[i], shapes.get(i)));
      }
      for (int axis = 0; axis < rank; axis++) {
        sizes.merge((int) term.charAt(axis), shapes.get(i).get(axis), Math::max);
      }
      terms.add(term);
      unnamed = Math.max(unnamed, ellipsisRank);
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

  /** Returns the implicit result: the ellipsis axes, then each name that occurs once, sorted. */
  private static String implied(String terms, int unnamed) {
    String names = terms.replaceAll("[^a-zA-Z]", "");
    return unnamed(unnamed)
        + Stream.of(names.split(""))
            .filter(name -> !name.isEmpty() && names.indexOf(name) == names.lastIndexOf(name))
            .sorted()
            .collect(Collectors.joining());
  }
}
