CREATE DATABASE dbfleet;
CREATE SQL SECURITY DEFINER VIEW dbfleet.account_state AS
SELECT Host, User,
       JSON_VALUE(Priv, '$.access') AS access,
       JSON_VALUE(Priv, '$.version_id') AS version_id,
       JSON_VALUE(Priv, '$.plugin') AS plugin,
       JSON_EXTRACT(Priv, '$.auth_or[*].plugin') AS other_plugins,
       JSON_VALUE(Priv, '$.account_locked') AS account_locked,
       JSON_VALUE(Priv, '$.password_last_changed') AS password_last_changed,
       JSON_VALUE(Priv, '$.password_lifetime') AS password_lifetime,
       JSON_VALUE(Priv, '$.ssl_type') AS ssl_type,
       JSON_VALUE(Priv, '$.ssl_cipher') AS ssl_cipher,
       JSON_VALUE(Priv, '$.x509_issuer') AS x509_issuer,
       JSON_VALUE(Priv, '$.x509_subject') AS x509_subject,
       JSON_VALUE(Priv, '$.max_questions') AS max_questions,
       JSON_VALUE(Priv, '$.max_updates') AS max_updates,
       JSON_VALUE(Priv, '$.max_connections') AS max_connections,
       JSON_VALUE(Priv, '$.max_user_connections') AS max_user_connections,
       JSON_VALUE(Priv, '$.max_statement_time') AS max_statement_time,
       JSON_VALUE(Priv, '$.is_role') AS is_role,
       JSON_VALUE(Priv, '$.default_role') AS default_role
  FROM mysql.global_priv;
