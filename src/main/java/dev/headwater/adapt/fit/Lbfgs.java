package dev.headwater.adapt.fit;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.concurrent.CancellationException;
import java.util.function.BooleanSupplier;

/**
 * Limited-memory BFGS (Nocedal 1980; Nocedal and Wright, Numerical Optimization, algorithm 7.5)
 * with a backtracking line search. The objective supplies the initial inverse Hessian.
 *
 * <p>The loss of a linear head is smooth, strongly convex and cheap to evaluate on the full batch.
 * There, L-BFGS needs a tenth of the passes of a stochastic method, and no learning rate.
 */
final class Lbfgs {
  private static final int HISTORY = 8;
  private static final double SUFFICIENT_DECREASE = 1e-4;
  private static final double BACKTRACK = 0.4;
  private static final int BACKTRACKS = 12;

  private final int iterations;
  private final double tolerance;
  private final BooleanSupplier cancelled;
  private final Seen listener;
  private final Deque<Pair> pairs = new ArrayDeque<>();

  /** A step with the change of the gradient along it, both raw and preconditioned. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Pair(float[] step, float[] change, float[] conditioned, double curvature) {}

  /** Receives every iteration, counted from 1, and the objective's value after it. */
  interface Seen {
    void iterated(int iteration, double value);
  }

  Lbfgs(int iterations, double tolerance, BooleanSupplier cancelled) {
    this(iterations, tolerance, cancelled, (iteration, value) -> {});
  }

  /**
   * @param iterations maximum number of iterations
   * @param tolerance relative decrease of the objective below which to stop
   */
  Lbfgs(int iterations, double tolerance, BooleanSupplier cancelled, Seen listener) {
    this.listener = listener;
    this.iterations = iterations;
    this.tolerance = tolerance;
    this.cancelled = cancelled;
  }

  /**
   * Minimises the objective and returns the best parameters found, never worse than {@code start}.
   */
  float[] minimise(Objective objective, float[] start) {
    pairs.clear();
    float[] at = start.clone();
    float[] gradient = new float[at.length];
    double value = objective.evaluate(at, gradient);
    float[] conditioned = objective.preconditioned(gradient);
    float[] nextGradient = new float[at.length];
    for (int i = 0; i < iterations; i++) {
      float[] direction = direction(gradient, conditioned);
      double slope = dot(gradient, direction);
      double length = 1;
      float[] next = at;
      double nextValue = value;
      boolean hasDescended = false;
      for (int tries = 0; tries < BACKTRACKS && !hasDescended; tries++, length *= BACKTRACK) {
        if (cancelled.getAsBoolean()) {
          throw new CancellationException("training was cancelled");
        }
        next = step(at, direction, length);
        nextValue = objective.evaluate(next, nextGradient);
        hasDescended = nextValue <= value + SUFFICIENT_DECREASE * length * slope;
      }
      if (!hasDescended) {
        return at;
      }
      listener.iterated(i + 1, nextValue);
      if (value - nextValue <= tolerance * Math.max(1e-3, Math.abs(value))) {
        return next;
      }
      float[] nextConditioned = objective.preconditioned(nextGradient);
      addPair(
          difference(next, at),
          difference(nextGradient, gradient),
          difference(nextConditioned, conditioned));
      at = next;
      value = nextValue;
      conditioned = nextConditioned;
      float[] spare = gradient;
      gradient = nextGradient;
      nextGradient = spare;
    }
    return at;
  }

  /** Returns the quasi-Newton descent direction (two-loop recursion). */
  private float[] direction(float[] gradient, float[] conditioned) {
    float[] rest = gradient.clone();
    float[] q = conditioned.clone();
    double[] alphas = new double[pairs.size()];
    int k = 0;
    for (Iterator<Pair> newest = pairs.descendingIterator(); newest.hasNext(); k++) {
      Pair pair = newest.next();
      alphas[k] = dot(pair.step, rest) / pair.curvature;
      addTo(rest, -alphas[k], pair.change);
      addTo(q, -alphas[k], pair.conditioned);
    }
    if (!pairs.isEmpty()) {
      Pair last = pairs.getLast();
      scale(q, last.curvature / dot(last.change, last.conditioned));
    }
    for (Pair pair : pairs) {
      k--;
      addTo(q, alphas[k] - dot(pair.change, q) / pair.curvature, pair.step);
    }
    scale(q, -1);
    return q;
  }

  private void addPair(float[] step, float[] change, float[] conditioned) {
    double curvature = dot(step, change);
    if (curvature > 1e-12) {
      pairs.addLast(new Pair(step, change, conditioned, curvature));
      if (pairs.size() > HISTORY) {
        pairs.removeFirst();
      }
    }
  }

  private static float[] difference(float[] a, float[] b) {
    float[] difference = a.clone();
    addTo(difference, -1, b);
    return difference;
  }

  private static float[] step(float[] at, float[] direction, double length) {
    float[] next = at.clone();
    addTo(next, length, direction);
    return next;
  }

  private static void addTo(float[] to, double times, float[] what) {
    float factor = (float) times;
    for (int i = 0; i < to.length; i++) {
      to[i] += factor * what[i];
    }
  }

  private static void scale(float[] values, double times) {
    float factor = (float) times;
    for (int i = 0; i < values.length; i++) {
      values[i] *= factor;
    }
  }

  /** Uses four independent sums, which the CPU computes in parallel. */
  private static double dot(float[] a, float[] b) {
    double first = 0;
    double second = 0;
    double third = 0;
    double fourth = 0;
    int whole = a.length & -4;
    for (int i = 0; i < whole; i += 4) {
      first += (double) a[i] * b[i];
      second += (double) a[i + 1] * b[i + 1];
      third += (double) a[i + 2] * b[i + 2];
      fourth += (double) a[i + 3] * b[i + 3];
    }
    for (int i = whole; i < a.length; i++) {
      first += (double) a[i] * b[i];
    }
    return first + second + third + fourth;
  }
}
