package dev.headwater.schema.format;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLContext;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.ssl.DefaultSslEngineFactory;
import org.jspecify.annotations.Nullable;

/**
 * The connection settings of the schema registry, under the property names of common registry
 * clients. The {@code ssl.*} properties are those of Kafka. Kafka's config providers are supported.
 */
public final class RegistrySettings extends AbstractConfig {
  private static final Set<String> SCHEMES = Set.of("http", "https");
  private static final String URL = "url";
  private static final String USER_INFO = "basic.auth.user.info";
  private static final String TOKEN = "bearer.auth.token";
  private static final String REGISTER = "auto.register.schemas";
  private static final String SSL = "ssl.";
  private static final ConfigDef DEFINITION =
      new ConfigDef()
          .define(
              URL,
              ConfigDef.Type.STRING,
              ConfigDef.Importance.HIGH,
              "Base URL of the Confluent-compatible API.")
          .define(
              USER_INFO,
              ConfigDef.Type.PASSWORD,
              null,
              ConfigDef.Importance.MEDIUM,
              "Credentials for basic authentication, as user:password.")
          .define(
              TOKEN,
              ConfigDef.Type.PASSWORD,
              null,
              ConfigDef.Importance.MEDIUM,
              "Token for bearer authentication.")
          .define(
              REGISTER,
              ConfigDef.Type.BOOLEAN,
              true,
              ConfigDef.Importance.MEDIUM,
              "Whether to register missing schemas; otherwise they must exist.")
          .withClientSslSupport();

  /**
   * Reads and validates the settings.
   *
   * @param properties property values as strings; keys with the prefix {@code config.providers}
   *     configure Kafka's config providers
   * @throws IllegalArgumentException if a property is missing or invalid
   */
  public static RegistrySettings of(Map<String, Object> properties) {
    try {
      return new RegistrySettings(properties);
    } catch (org.apache.kafka.common.config.ConfigException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private RegistrySettings(Map<String, Object> properties) {
    super(DEFINITION, properties, false);
    URI url = url(getString(URL));
    if (!SCHEMES.contains(String.valueOf(url.getScheme()))) {
      throw new IllegalArgumentException("url must start with http:// or https://");
    }
    if (url.getUserInfo() != null) {
      throw new IllegalArgumentException(
          "url must not contain user info: set basic.auth.user.info");
    }
    if (url.getHost() == null) {
      throw new IllegalArgumentException(
          "url must contain one host name of letters, digits, '-' and '.',"
              + " for example http://registry:8081");
    }
  }

  private static URI url(String text) {
    try {
      return new URI(text.strip());
    } catch (URISyntaxException e) {
      // no cause: its message quotes the URL, which may contain a password
      throw new IllegalArgumentException(
          "url is not a valid URL: syntax error at character " + e.getIndex(), null);
    }
  }

  /** Returns the URI of a path such as {@code /schemas/ids/1}. */
  URI uri(String path) {
    return URI.create(getString(URL).strip().replaceAll("/+$", "") + path);
  }

  /** Returns whether schemas are registered, not only looked up. */
  boolean register() {
    return getBoolean(REGISTER);
  }

  Optional<String> authorization() {
    @Nullable Password token = getPassword(TOKEN);
    @Nullable Password user = getPassword(USER_INFO);
    if (token != null) {
      return Optional.of("Bearer " + token.value());
    }
    return user == null
        ? Optional.empty()
        : Optional.of("Basic " + Base64.getEncoder().encodeToString(user.value().getBytes(UTF_8)));
  }

  /** Returns the TLS context; empty if no {@code ssl.*} property is set. */
  Optional<SSLContext> ssl() {
    if (originals().keySet().stream().noneMatch(key -> key.startsWith(SSL))) {
      return Optional.empty();
    }
    try (DefaultSslEngineFactory factory = new DefaultSslEngineFactory()) {
      factory.configure(values());
      return Optional.of(factory.sslContext());
    }
  }
}
