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
 * Where the schema registry is and how to talk to it, under the property names that the clients of
 * such registries use; {@code ssl.*} are Kafka's. Kafka's config providers work here too.
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
              "Of the Confluent-compatible API.")
          .define(
              USER_INFO,
              ConfigDef.Type.PASSWORD,
              null,
              ConfigDef.Importance.MEDIUM,
              "user:password")
          .define(
              TOKEN, ConfigDef.Type.PASSWORD, null, ConfigDef.Importance.MEDIUM, "A bearer token.")
          .define(
              REGISTER,
              ConfigDef.Type.BOOLEAN,
              true,
              ConfigDef.Importance.MEDIUM,
              "Else they must be there.")
          .withClientSslSupport();

  /**
   * Reads and checks them.
   *
   * @param properties as strings; keys that begin with {@code config.providers} name Kafka's config
   *     providers
   * @throws IllegalArgumentException if one is missing or makes no sense
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
      throw new IllegalArgumentException("url must begin with http:// or https://");
    }
    if (url.getUserInfo() != null) {
      throw new IllegalArgumentException("url must hold no user: say basic.auth.user.info");
    }
    if (url.getHost() == null) {
      throw new IllegalArgumentException(
          "url must name one host, in letters, digits, '-' and '.', such as http://registry:8081");
    }
  }

  private static URI url(String text) {
    try {
      return new URI(text.strip());
    } catch (URISyntaxException e) {
      // its message would quote the text, which may hold a password
      throw new IllegalArgumentException("url is none, at character " + e.getIndex(), null);
    }
  }

  /** Of a path such as {@code /schemas/ids/1}. */
  URI uri(String path) {
    return URI.create(getString(URL).strip().replaceAll("/+$", "") + path);
  }

  /** Whether schemas are added to the registry, not only looked up there. */
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

  /** Empty where the platform's own trust is enough. */
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
