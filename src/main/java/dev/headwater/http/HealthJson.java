package dev.headwater.http;

import dev.headwater.metrics.Health;
import java.util.LinkedHashMap;
import java.util.Map;

/** Converts health to JSON: {@code {"up", "cause", "parts": {name: nested health}}}. */
final class HealthJson {
  private HealthJson() {}

  static Map<String, Object> of(Health health) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("up", health.up());
    json.put("cause", health.cause());
    if (!health.parts().isEmpty()) {
      Map<String, Object> parts = new LinkedHashMap<>();
      health.parts().forEach((name, part) -> parts.put(name, of(part)));
      json.put("parts", parts);
    }
    return json;
  }
}
