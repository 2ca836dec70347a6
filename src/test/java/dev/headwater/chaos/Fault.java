package dev.headwater.chaos;

import dev.headwater.stream.StreamSettings.Protocol;
import java.util.List;

/**
 * Something that goes wrong while records are scored.
 *
 * @param name as the table tells it
 * @param aborts whether it is certain to cut a transaction of a scorer
 * @param firing how it goes wrong once
 */
record Fault(String name, Shape shape, List<Protocol> protocols, boolean aborts, Firing firing) {

  /** Lets it happen, and undoes it. */
  interface Firing {
    /**
     * @return whether it is proven to have hit something
     */
    boolean fire(Run run) throws Exception;
  }

  /**
   * What it happens to.
   *
   * @param proxied whether the cluster is reached through a proxy only
   * @param signed whether only signed heads count
   * @param trained whether heads come from a trainer, on labels that mean something else every few
   *     seconds, and not from the test
   */
  record Shape(int scorers, int nodes, boolean proxied, boolean signed, boolean trained) {}

  /** To two scorers on one Kafka node. */
  static Fault of(String name, Firing firing) {
    return new Fault(
        name, new Shape(2, 1, false, false, false), List.of(Protocol.CLASSIC), false, firing);
  }

  Fault scorers(int scorers) {
    return with(new Shape(scorers, shape.nodes, shape.proxied, shape.signed, shape.trained));
  }

  Fault nodes(int nodes) {
    return with(new Shape(shape.scorers, nodes, shape.proxied, shape.signed, shape.trained));
  }

  Fault proxied() {
    return with(new Shape(shape.scorers, shape.nodes, true, shape.signed, shape.trained));
  }

  Fault signed() {
    return with(new Shape(shape.scorers, shape.nodes, shape.proxied, true, shape.trained));
  }

  /** One scorer is enough for a trainer. */
  Fault trained() {
    return with(new Shape(1, shape.nodes, shape.proxied, shape.signed, true));
  }

  Fault underBothProtocols() {
    return new Fault(name, shape, List.of(Protocol.values()), aborts, firing);
  }

  /** A scorer under load has a transaction open nearly all the time: of three cuts one hits. */
  Fault aborting() {
    return new Fault(name, shape, protocols, true, firing);
  }

  private Fault with(Shape changed) {
    return new Fault(name, changed, protocols, aborts, firing);
  }

  @Override
  public String toString() {
    return name;
  }
}
