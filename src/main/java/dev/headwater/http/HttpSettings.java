package dev.headwater.http;

/**
 * Address at which metrics, health and the status page are served.
 *
 * @param host interface to bind; loopback by default
 * @param port TCP port; 0 for any free port
 */
public record HttpSettings(String host, int port) {

  public HttpSettings {
    if (host.isBlank()) {
      throw new IllegalArgumentException(
          "host must not be blank: set an interface such as 127.0.0.1");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("invalid port " + port + ": expected 0 to 65535");
    }
  }
}
