package dev.headwater.http;

/**
 * Where metrics and health are served.
 *
 * @param host interface to bind; loopback unless told otherwise
 * @param port TCP port; 0 takes a free one
 */
public record HttpSettings(String host, int port) {

  public HttpSettings {
    if (host.isBlank()) {
      throw new IllegalArgumentException("host is blank; give an interface such as 127.0.0.1");
    }
    if (port < 0 || port > 65_535) {
      throw new IllegalArgumentException("port " + port + " is not in 0..65535");
    }
  }
}
