BEGIN TRANSACTION;
CREATE TABLE "access_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "prefix" VARCHAR(20) NOT NULL UNIQUE,
    "secret_hash" VARCHAR(64) NOT NULL,
    "title" VARCHAR(255) NOT NULL,
    "scopes" VARCHAR(255) NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "access_token" VALUES(1,'c1b22f85-810b-4d54-bc62-ab0770baa350','nXxbPBdAcyVPQSyThoV6','d22f941a15eb2e0288928ce348664e8cd492a11c1407288fb149bdef6dbe9b1c','test','org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read',1795440025974,2111016025974,NULL,2);
CREATE TABLE "account" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "kind" VARCHAR(16) NOT NULL,
    "name" VARCHAR(255) NOT NULL UNIQUE,
    "email" VARCHAR(254),
    "password_hash" TEXT,
    "is_enabled" INT NOT NULL,
    "is_verified" INT NOT NULL,
    "is_superuser" INT NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "tag_expiration_s" BIGINT NOT NULL,
    "invoice_email" INT NOT NULL,
    "invoice_email_address" VARCHAR(254),
    "given_name" VARCHAR(255),
    "family_name" VARCHAR(255),
    "company" VARCHAR(255),
    "location" VARCHAR(255),
    "created_at_ms" BIGINT NOT NULL,
    "last_accessed_at_ms" BIGINT,
    "deleted_at_ms" BIGINT
);
INSERT INTO "account" VALUES(1,'91653ace-b169-403b-b4fb-d20c3b123082','user','ada','ada@localhost.localdomain','$argon2id$v=19$m=19456,t=2,p=1$y0XFGICZjESlYA5CM53oWQ$SRI15U+h4inxC8G3EGWitAfYj6hPnW0ohcdjMnUf/jM',1,1,1,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795440025909,NULL,NULL);
INSERT INTO "account" VALUES(2,'8fb189ac-6add-4ad2-9420-146f0542d92e','user','bob','bob@example.com',NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795440025967,NULL,NULL);
INSERT INTO "account" VALUES(3,'252dbf37-fda4-4274-80b7-831e8af84509','organization','acme',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795440025969,NULL,NULL);
INSERT INTO "account" VALUES(4,'899e7d0e-e9b7-4050-bcd1-39980fdf6fdf','robot','acme+bot',NULL,NULL,1,1,0,0,1209600,0,NULL,NULL,NULL,NULL,NULL,1795440025972,NULL,NULL);
CREATE TABLE "app_token" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "title" VARCHAR(255) NOT NULL,
    "prefix" VARCHAR(60) NOT NULL UNIQUE,
    "secret_encrypted" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT,
    "last_accessed_at_ms" BIGINT,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "app_token" VALUES(1,'3d207026-cf3b-40e5-9565-ac0c6880c432','laptop','I2OQ03A64VBEOFVM5FKSGTI6WRE14TBL59DGBX7Q2JWC5IJO9FNY8R4Q8WS4','gAAAAABrBD2ZiGWNUNlWDObqyRDnHdFuIk-7DQ5vkLvJGzwBe5MFdw_iVv9BKyOtD9D6AV5Id_cyvjO2vBb1Y-3tsyBGv0UxAz_Bf2VxQ9UwG_7oYnsi_nqDna3wnoSiW2TT0-_V2ETa5iZ1xXRaEyhqwVtt20ZMkg==',1795440025976,NULL,NULL,2);
CREATE TABLE "blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL UNIQUE,
    "size_bytes" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL
);
INSERT INTO "blob" VALUES(1,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96',40,1795440025985);
INSERT INTO "blob" VALUES(2,'sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85',5,1795440025987);
INSERT INTO "blob" VALUES(3,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576',57,1795440025991);
INSERT INTO "blob" VALUES(5,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f',78,1795440026006);
INSERT INTO "blob" VALUES(6,'sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2',4,1795440026007);
CREATE TABLE "event" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "namespace_id" BIGINT,
    "repository_id" BIGINT,
    "performer_id" BIGINT,
    "credential_kind" VARCHAR(16),
    "credential_id" BIGINT,
    "ip" VARCHAR(64),
    "request_id" VARCHAR(64),
    "metadata" JSON NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "transaction_id" BIGINT
);
INSERT INTO "event" VALUES(1,'user_create',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"ada@localhost.localdomain","username":"ada","superuser":"ada"}',1795440025909,NULL);
INSERT INTO "event" VALUES(2,'account_initialized',1,NULL,NULL,NULL,NULL,NULL,NULL,'{"username":"ada"}',1795440025910,NULL);
INSERT INTO "event" VALUES(3,'user_create',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"email":"bob@example.com","username":"bob","superuser":null}',1795440025967,NULL);
INSERT INTO "event" VALUES(4,'org_create',3,NULL,1,NULL,NULL,NULL,NULL,'{"email":null,"namespace":"acme"}',1795440025970,NULL);
INSERT INTO "event" VALUES(5,'create_robot',3,NULL,1,NULL,NULL,NULL,NULL,'{"robot":"bot","description":"","unstructured_metadata":{}}',1795440025973,NULL);
INSERT INTO "event" VALUES(6,'create_oauth_api_token',2,NULL,NULL,NULL,NULL,NULL,NULL,'{"token":"nXxbPBdAcyVPQSyThoV6","scopes":"org:admin repo:admin repo:create repo:read repo:write super:user user:admin user:read","username":"bob"}',1795440025974,NULL);
INSERT INTO "event" VALUES(7,'create_app_specific_token',2,NULL,2,NULL,NULL,NULL,NULL,'{"app_specific_token_title":"laptop","app_specific_token":"3d207026-cf3b-40e5-9565-ac0c6880c432"}',1795440025976,NULL);
INSERT INTO "event" VALUES(8,'create_repo',3,1,1,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme"}',1795440025978,NULL);
INSERT INTO "event" VALUES(9,'create_repo',3,2,1,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme"}',1795440025980,NULL);
INSERT INTO "event" VALUES(10,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"bob","repo":"app","namespace":"acme","role":"write"}',1795440025982,NULL);
INSERT INTO "event" VALUES(11,'change_repo_permission',3,1,1,NULL,NULL,NULL,NULL,'{"username":"acme+bot","repo":"app","namespace":"acme","role":"read"}',1795440025984,NULL);
INSERT INTO "event" VALUES(12,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","namespace":"acme","original_manifest_digest":null}',1795440025990,NULL);
INSERT INTO "event" VALUES(13,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a","username":"acme","tag":"latest"}',1795440025991,NULL);
INSERT INTO "event" VALUES(14,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","namespace":"acme","original_manifest_digest":"sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a"}',1795440025995,NULL);
INSERT INTO "event" VALUES(15,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1","username":"acme","tag":"latest"}',1795440025995,NULL);
INSERT INTO "event" VALUES(16,'move_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"latest","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":"sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1"}',1795440025998,NULL);
INSERT INTO "event" VALUES(17,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"latest"}',1795440025998,NULL);
INSERT INTO "event" VALUES(18,'create_tag',3,1,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"app","tag":"v1","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795440026000,NULL);
INSERT INTO "event" VALUES(19,'push_repo',3,1,3,NULL,NULL,NULL,NULL,'{"repo":"app","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.index.v1+json","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","username":"acme","tag":"v1"}',1795440026000,NULL);
INSERT INTO "event" VALUES(20,'change_tag_immutability',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v1","namespace":"acme","immutable":true,"previous_immutable":false}',1795440026001,NULL);
INSERT INTO "event" VALUES(21,'create_tag',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","manifest_digest":"sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088","namespace":"acme","original_manifest_digest":null}',1795440026003,NULL);
INSERT INTO "event" VALUES(22,'change_tag_expiration',3,1,1,NULL,NULL,NULL,NULL,'{"username":"ada","repo":"app","tag":"v2","namespace":"acme","expiration_date":1795526426,"old_expiration_date":null}',1795440026005,NULL);
INSERT INTO "event" VALUES(23,'create_tag',3,2,3,NULL,NULL,NULL,NULL,'{"username":"acme","repo":"tools/base","tag":"1.0","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","namespace":"acme","original_manifest_digest":null}',1795440026009,NULL);
INSERT INTO "event" VALUES(24,'push_repo',3,2,3,NULL,NULL,NULL,NULL,'{"repo":"tools/base","namespace":"acme","user-agent":null,"mediaType":"application/vnd.oci.image.manifest.v1+json","manifest_digest":"sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959","username":"acme","tag":"1.0"}',1795440026009,NULL);
INSERT INTO "event" VALUES(25,'create_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795440026011,NULL);
INSERT INTO "event" VALUES(26,'delete_repo',1,3,1,NULL,NULL,NULL,NULL,'{"repo":"gone","namespace":"ada"}',1795440026012,NULL);
CREATE TABLE "job" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kind" VARCHAR(64) NOT NULL,
    "payload" JSON NOT NULL,
    "state" VARCHAR(16) NOT NULL,
    "run_at_ms" BIGINT NOT NULL,
    "attempts" INT NOT NULL,
    "lease_holder" VARCHAR(64),
    "lease_until_ms" BIGINT,
    "error" TEXT,
    "created_at_ms" BIGINT NOT NULL,
    "finished_at_ms" BIGINT
);
INSERT INTO "job" VALUES(1,'repository.purge','{"repository_id":3}','waiting',1795440026012,0,NULL,NULL,NULL,1795440026012,NULL);
INSERT INTO "job" VALUES(2,'upload.expire','{}','waiting',1795440026014,0,NULL,NULL,NULL,1795440026014,NULL);
CREATE TABLE "lease" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "holder" VARCHAR(64) NOT NULL,
    "expires_at_ms" BIGINT NOT NULL
);
INSERT INTO "lease" VALUES('job-runner','elsewhere:1:1',1795440026015);
CREATE TABLE "manifest" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "layers_size_bytes" BIGINT NOT NULL,
    "is_index" INT NOT NULL,
    "config_digest" VARCHAR(140),
    "config_media_type" VARCHAR(255),
    "subject_digest" VARCHAR(140),
    "annotations" JSON,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "created_at_ms" BIGINT NOT NULL,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_reposit_48a89c" UNIQUE ("repository_id", "digest")
);
INSERT INTO "manifest" VALUES(1,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795440025988,1);
INSERT INTO "manifest" VALUES(2,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,5,0,'sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','arm64','v8',1795440025994,1);
INSERT INTO "manifest" VALUES(3,'sha256:aeb25941dcb0a8cdbabacb2b844b88a222d6fdeea2d47f94fdb363b6efaa0088','application/vnd.oci.image.index.v1+json',NULL,393,0,1,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1795440025997,1);
INSERT INTO "manifest" VALUES(4,'sha256:095f9e33bb2d4b4f38a811e0db7b82f866dac54e3df179f2f71cafc174afe959','application/vnd.oci.image.manifest.v1+json','application/vnd.oci.image.config.v1+json',398,4,0,'sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',NULL,NULL,'linux','amd64',NULL,1795440026009,2);
CREATE TABLE "manifest_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "size_bytes" BIGINT NOT NULL,
    "is_distributable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_bl_manifes_1ad51e" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_blob" VALUES(1,0,'config','sha256:40948e70c55857b93ae3034e63ec05e8775349d45a604fbb3b6d0a3573a7fe96','application/vnd.oci.image.config.v1+json',40,1,1);
INSERT INTO "manifest_blob" VALUES(2,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,1);
INSERT INTO "manifest_blob" VALUES(3,0,'config','sha256:3b84d4d269107c7182b796419a332bc2569845a5898cd6187f9c54b043561576','application/vnd.oci.image.config.v1+json',57,1,2);
INSERT INTO "manifest_blob" VALUES(4,1,'layer','sha256:dac1d7cfa95021764849fd102524e141488c5e3a90f861dbb5a12d9ac8584f85','application/vnd.oci.image.layer.v1.tar+gzip',5,1,2);
INSERT INTO "manifest_blob" VALUES(5,0,'config','sha256:c5b1d63604f273462ef36fadac3182d43ae6a6138731cf594b314835cf1c034f','application/vnd.oci.image.config.v1+json',78,1,4);
INSERT INTO "manifest_blob" VALUES(6,1,'layer','sha256:cae662172fd450bb0cd710a769079c05bfc5d8e35efa6576edc7d0377afdd4a2','application/vnd.oci.image.layer.v1.tar+gzip',4,1,4);
CREATE TABLE "manifest_body" (
    "body" BLOB NOT NULL,
    "manifest_id" BIGINT NOT NULL  PRIMARY KEY REFERENCES "manifest" ("id") ON DELETE CASCADE
);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A34303934386537306335353835376239336165333033346536336563303565383737353334396434356136303466626233623664306133353733613766653936222C2273697A65223A34307D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',1);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A33623834643464323639313037633731383262373936343139613333326263323536393834356135383938636436313837663963353462303433353631353736222C2273697A65223A35377D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A64616331643763666139353032313736343834396664313032353234653134313438386335653361393066383631646262356131326439616338353834663835222C2273697A65223A357D5D7D',2);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E696E6465782E76312B6A736F6E222C226D616E696665737473223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A63626433656335656636613466623635333437326661613736333535373163626135363162613363663564656362646161633239653665353031663738633861222C2273697A65223A3339387D2C7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22646967657374223A227368613235363A35323231343835646366346434326138633639613864326664666366323964323062303037326166633765633563643666306632643438663235333836306431222C2273697A65223A3339387D5D7D',3);
INSERT INTO "manifest_body" VALUES(X'7B22736368656D6156657273696F6E223A322C226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6D616E69666573742E76312B6A736F6E222C22636F6E666967223A7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E636F6E6669672E76312B6A736F6E222C22646967657374223A227368613235363A63356231643633363034663237333436326566333666616461633331383264343361653661363133383733316366353934623331343833356366316330333466222C2273697A65223A37387D2C226C6179657273223A5B7B226D6564696154797065223A226170706C69636174696F6E2F766E642E6F63692E696D6167652E6C617965722E76312E7461722B677A6970222C22646967657374223A227368613235363A63616536363231373266643435306262306364373130613736393037396330356266633564386533356566613635373665646337643033373761666464346132222C2273697A65223A347D5D7D',4);
CREATE TABLE "manifest_child" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "position" INT NOT NULL,
    "digest" VARCHAR(140) NOT NULL,
    "media_type" VARCHAR(255) NOT NULL,
    "artifact_type" VARCHAR(255),
    "size_bytes" BIGINT NOT NULL,
    "os" VARCHAR(64),
    "architecture" VARCHAR(64),
    "variant" VARCHAR(64),
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_manifest_ch_manifes_11c957" UNIQUE ("manifest_id", "position")
);
INSERT INTO "manifest_child" VALUES(1,0,'sha256:cbd3ec5ef6a4fb653472faa7635571cba561ba3cf5decbdaac29e6e501f78c8a','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
INSERT INTO "manifest_child" VALUES(2,1,'sha256:5221485dcf4d42a8c69a8d2fdfcf29d20b0072afc7ec5cd6f0f2d48f253860d1','application/vnd.oci.image.manifest.v1+json',NULL,398,NULL,NULL,NULL,3);
CREATE TABLE "repository" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "name" VARCHAR(255) NOT NULL,
    "visibility" VARCHAR(16) NOT NULL,
    "state" VARCHAR(24) NOT NULL,
    "description" TEXT,
    "badge_token" VARCHAR(64) NOT NULL,
    "auth_epoch" BIGINT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "deleted_at_ms" BIGINT,
    "namespace_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    CONSTRAINT "uid_repository_namespa_e3d1c2" UNIQUE ("namespace_id", "name")
);
INSERT INTO "repository" VALUES(1,'26c9d0d8-b7ef-4ef4-a305-e9091e2af7bc','app','private','NORMAL',NULL,'SMWWUV2BE26L5D5HLVP7TAT0XTXQ0OS8Z9KO16H8',2,1795440025977,NULL,3);
INSERT INTO "repository" VALUES(2,'70143a72-f694-49ec-a87c-c0a0bb4571e9','tools/base','public','NORMAL',NULL,'ASH9LK3H3CHYFY5WO27XU4HRPV5YO6JJW6QI705N',0,1795440025980,NULL,3);
INSERT INTO "repository" VALUES(3,'5f7b0a07-ae9a-4a40-b095-f8073c87f7af','5f7b0a07-ae9a-4a40-b095-f8073c87f7af','private','MARKED_FOR_DELETION',NULL,'05EDXI1V9164I1QNRY90OFWN8QR7VV6AOV95MICZ',1,1795440026011,1795440026012,1);
CREATE TABLE "repository_blob" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "blob_id" BIGINT NOT NULL REFERENCES "blob" ("id") ON DELETE RESTRICT,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_b80265" UNIQUE ("repository_id", "blob_id")
);
INSERT INTO "repository_blob" VALUES(1,1795440025985,1,1);
INSERT INTO "repository_blob" VALUES(2,1795440025987,2,1);
INSERT INTO "repository_blob" VALUES(3,1795440025991,3,1);
INSERT INTO "repository_blob" VALUES(5,1795440026006,5,2);
INSERT INTO "repository_blob" VALUES(6,1795440026007,6,2);
CREATE TABLE "repository_permission" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "account_id" BIGINT REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE,
    "team_id" BIGINT REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_repository__reposit_c70dc7" UNIQUE ("repository_id", "account_id"),
    CONSTRAINT "uid_repository__reposit_3d7a50" UNIQUE ("repository_id", "team_id")
);
INSERT INTO "repository_permission" VALUES(1,'admin',1,1,NULL);
INSERT INTO "repository_permission" VALUES(2,'admin',1,2,NULL);
INSERT INTO "repository_permission" VALUES(3,'write',2,1,NULL);
INSERT INTO "repository_permission" VALUES(4,'read',4,1,NULL);
CREATE TABLE "robot" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "token_encrypted" TEXT NOT NULL,
    "description" TEXT NOT NULL,
    "unstructured_metadata" JSON NOT NULL,
    "owner_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE RESTRICT,
    "account_id" BIGINT NOT NULL UNIQUE REFERENCES "account" ("id") ON DELETE CASCADE
);
INSERT INTO "robot" VALUES(1,'gAAAAABrBD2ZgAvIuneJ8fad_2CkIOtSgqZH-bNSusSBVvvQ7ecb6nrsNpIyFPFstT44FkN65aDBJNLm2OzInVhMG_iEr0LwFfy5opEGmMbmkB1uFN1o2VcRgQdjaPAML1sAu4_KRpnoCrT6Qk2QigcCiNhLYLK4dgCaXv9GgNQrvyrBB-xBG7Q=','','{}',3,4);
CREATE TABLE "service_key" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "kid" VARCHAR(64) NOT NULL UNIQUE,
    "service" VARCHAR(255) NOT NULL,
    "private_key_encrypted" TEXT,
    "public_key" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "expires_at_ms" BIGINT
);
INSERT INTO "service_key" VALUES(1,'quayside-registry-1','quayside-registry','gAAAAABrBD2ZsfNjMhN10ioKky5k26MP90VIko8Wgq9Ruveod6YGRwpCIIz0qS8C8jr829MevGB8XiOWJli_IhkhrPbXRvMPcvBaGktgw8Dikxg3HFMKXEl_dPcmh9RzDV06IwAE_Af3URd7vMUgtvwninrLuZD7CVCdEB8FT32D0ylZd2eLSUInGNd9i92Cj-_Bg56aMobTcMh9jMRLoI86L1AFq0IgfAU0vpDvbPtvsAUcD-8i9L7J-4Z0Zi4GU5wJWWcBvVMUjCTf_e2_KAhAjrOejD_7a2kn7RvXL0hydfk6t7xWvbe6iTlK3PzeSkvoMKStqekFmzTdNKstqenLvm8Iyx2B01xR_qbue6WaX7EL-YD2Cb1rMZF0mzEEFHdDeowhaHEiwzYMecxqRGzK4LSl2JwC1UHzcCU-rd57gU81ekYeimaq-JGbLTMBcHscCVcNCuDwwamNJ_zwWznFtVoXTRPD253W8CsIokpUU-JZ4wFblUGzjex772Vu2pMyqvh1J4EjxKEjqTOm2sQ5HdWz9Mdrp3j1CxcVLyVGDWYZlsVHEeqy0dfLHEXAv-PPFLiEF5XST1S0TeT4kga-53rt2HJYNuADJ0P0mbaAMJ7yK8rqhINBktqSMEsfJwu3_07bWe8J--7XRutFQNIQK8eGOOrK5wJ8ZhYkFlNfOmoGTwTibwbvHzaRPeDQ-lCJd-SPJCXZZ71kRDRzz_Ul5ZNk8K4xRgopL34LvtgaVfiUHpTKDwN8D2kmVV9wKcosRWZvxRMjKwpUfg8rfLB4fBJC_-DwFrzGIdCED0HxTsMtLDWp4evmCM1vEfHQzqJB-2vrAGDNKCLsTTlBbxT5oKjqOOqGmTN_FB6c-elOhQZKD7j4DTeT4cMrLMBqsTQJO_G4aecaEdi01Y5DGFbRPwpwfT0DK9MsrJFzLTRy8WEq-0NomvCSr1e1fSxWMsMwsvbzeUtP8jmetQqt9i_F57E2AhRnKDr6VI-x0gC-C6KlLudcEpXMPyxYKPFO_If5MRFvxFCxmMQggsfG-2kTsDDBHy5wxSBJsZ-NyD6Nby_hsm48rpzFb_bdAdjHZ4FDAzlvxF8yDWFB5ep7TONIfjtUxxJO0w9lNBiAbif433qqAtgrmY4IZtJ1VbgrSkDwkob_4gzG4z1UKvnXHXhHYu2UCKXzYIjmQ5fDVsjEYPli0QS5w1CdqU9a3aOG8hvthPbQhV7anMOobTqlmPPNTE6-sNyFeyPQz0cqbRvveH-EOFwHOUeu_T0DsJ3pS8jwWANa9cbeXgoCgcZXaSmQRZdNT3ObqGS3Zb9P8a5lGe-fYqW8xObr3a5lyPB1enpV1pzTV5VQ05i8yxacQfVojlqDVxMvHVRAt8Rzzo7Jg29Q8PUFI2ngxP3ijQ1qr1IwP6DJFs_OD1YiClsQVgwMN2p5wh65PbZWoLBaA8P8jWYRB9M5LTHE1xL2RXuorzK2Kxp-FcuZlQfy940CqqBkCLUPHfWaeMjC7P1a8HTvIQLWfkYvnW3D5yVDOjNQhB1YvruC2I2Vev3Y-yCpOkjaO66-PZ0-QJrOO63GNtR_sTWuIB25ijrHIOfE7b7-Lk2-hfDdiTWPvdRGNuZSaVAuwIYdAviIB6grUezJrHkTtItCXXkOpz16mqJxBzUXtZCLrIB07rCkqEY654-bDRq522DvzCSbXbl3n4p-XsDAvwusyiAFWIrZ5DjXLrfGTYab9R_gDav3iiKdY0SIdUrFBaWxBiMuMNUJiGko-s4HRqlomyPL6LSUYrXqZTmzdqw-a2CY633uAQpP001OI1_e3gglHWw40fIUZ5-QbQarGafmXyBJS7WEAbk-d-yFj7BYpKw7kSp7FuIw1YjSb8J0AsW1fQ-CAjInNSctMdQyjq6kjr6B_0F9r_bj0mq4i9rLguYIDTguGK70sqp2_DqBuzHJxNrXRQY4AJWzsPeO9B_KjXHC59blQqgYowUcfU9YSXBQcOUZsag5aOYgQRBGnLKo0ed9s7dIEjwJ04UxqZTsAepqnZUXz6UMR71j9uCKjClXMBepnPUESFXOespP4M49XrdZc4svDFNvbhWBqnp56lZRV6u-6WCWGNosUnEU5qqCoerpg1ZM2UeYbDeKbVIkBRIkmkDaquGU78qOlNyZ03BzLfomzmsVZt9JLDkfRC_f87jpdo5ul_2kb8w9FeN-uv1cDzJ5qqm005wlVZkalbGn_wGMxOmazSN22w1zbLcKTyrTVVautm9yJqTDJU9RH6tiZjaFWSfI_0KQ-43YdPHOkxBybyGKSkxVFanVQurwapF_lgeNjF70FInN4juz7e_CIeen1ZjL2LUy0UrkJeSXPnU=','-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4RYcNOku2cgQGVAsICfj
l0L1JoVKYa1eHeA/Cfz4I2WrFHVf3ET0yuxeoRJT/+rD/lydRJGC8dzLDKfFiOqA
DLhgxUAOS0KAqTmUucGfEerO81fG6u/PFueApI4yaR/QNY9p2PuVtdEHjrAEPbIK
VwimYRQEAETDX9ePA47zHJzNQgoSzgKWijW9LKpxl/ZmUguw5ngTBE89HOETm+mp
SbQvwF20mZnpk8v3339UN/fweF/yZ7GGmrEW1NU8HwvkpMxHWy0E3qJULHuPvz/t
2mTEDkFkDeTSWfIJLO49owr7qSmNorQ8hfyL8bdxXgFNrSlKkDNaz4+4DuobYmvf
RwIDAQAB
-----END PUBLIC KEY-----
',1795440025926,NULL);
CREATE TABLE "site_setting" (
    "name" VARCHAR(64) NOT NULL  PRIMARY KEY,
    "value" TEXT NOT NULL
);
INSERT INTO "site_setting" VALUES('initialized','ada');
CREATE TABLE "tag" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(128) NOT NULL,
    "started_at_ms" BIGINT NOT NULL,
    "ended_at_ms" BIGINT,
    "is_reversion" INT NOT NULL,
    "is_immutable" INT NOT NULL,
    "manifest_id" BIGINT NOT NULL REFERENCES "manifest" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "tag" VALUES(1,'latest',1795440025990,1795440025995,0,0,1,1);
INSERT INTO "tag" VALUES(2,'latest',1795440025995,1795440025997,0,0,2,1);
INSERT INTO "tag" VALUES(3,'latest',1795440025997,NULL,0,0,3,1);
INSERT INTO "tag" VALUES(4,'v1',1795440025999,NULL,0,1,3,1);
INSERT INTO "tag" VALUES(5,'v2',1795440026003,1795526426004,0,0,3,1);
INSERT INTO "tag" VALUES(6,'1.0',1795440026009,NULL,0,0,4,2);
CREATE TABLE "team" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "role" VARCHAR(16) NOT NULL,
    "description" TEXT NOT NULL,
    "created_at_ms" BIGINT NOT NULL,
    "organization_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_organiz_e46d03" UNIQUE ("organization_id", "name")
);
INSERT INTO "team" VALUES(1,'owners','admin','',1795440025969,3);
INSERT INTO "team" VALUES(2,'readers','member','',1795440025971,3);
CREATE TABLE "team_member" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "team_id" BIGINT NOT NULL REFERENCES "team" ("id") ON DELETE CASCADE,
    CONSTRAINT "uid_team_member_team_id_28790f" UNIQUE ("team_id", "account_id")
);
INSERT INTO "team_member" VALUES(1,1,1);
INSERT INTO "team_member" VALUES(2,2,2);
CREATE TABLE "tortoise_migrations" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "app" VARCHAR(255) NOT NULL,
    "name" VARCHAR(255) NOT NULL,
    "applied_at" TIMESTAMP NOT NULL,
    CONSTRAINT "uid_tortoise_mi_app_3803a5" UNIQUE ("app", "name")
);
INSERT INTO "tortoise_migrations" VALUES(1,'models','0001_initial','2026-11-23 13:20:25.860641+00:00');
INSERT INTO "tortoise_migrations" VALUES(2,'models','0002_partial_indexes','2026-11-23 13:20:25.870220+00:00');
CREATE TABLE "upload" (
    "id" INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    "uuid" VARCHAR(36) NOT NULL UNIQUE,
    "created_at_ms" BIGINT NOT NULL,
    "account_id" BIGINT NOT NULL REFERENCES "account" ("id") ON DELETE CASCADE,
    "repository_id" BIGINT NOT NULL REFERENCES "repository" ("id") ON DELETE CASCADE
);
INSERT INTO "upload" VALUES(1,'11111111-1111-4111-8111-111111111111',1795440026013,1,1);
CREATE INDEX "idx_event_namespa_4d3475" ON "event" ("namespace_id", "id");
CREATE INDEX "idx_event_reposit_f21462" ON "event" ("repository_id", "id");
CREATE INDEX "idx_event_transac_0eee72" ON "event" ("transaction_id", "id");
CREATE INDEX "idx_job_state_a6fd24" ON "job" ("state", "run_at_ms");
CREATE INDEX "idx_manifest_reposit_df69f2" ON "manifest" ("repository_id", "subject_digest");
CREATE INDEX "idx_manifest_bl_digest_718f0d" ON "manifest_blob" ("digest");
CREATE INDEX "idx_manifest_ch_digest_6d96eb" ON "manifest_child" ("digest");
CREATE INDEX "idx_repository__blob_id_c72085" ON "repository_blob" ("blob_id");
CREATE INDEX "idx_tag_manifes_0b2793" ON "tag" ("manifest_id");
CREATE INDEX "idx_tag_reposit_dbd82d" ON "tag" ("repository_id", "name", "started_at_ms");
CREATE INDEX "idx_tag_reposit_012f42" ON "tag" ("repository_id", "started_at_ms", "name");
CREATE INDEX "idx_repository__account_12ba5d" ON "repository_permission" ("account_id");
CREATE INDEX "idx_repository__team_id_27ee45" ON "repository_permission" ("team_id");
CREATE INDEX "idx_team_member_account_403b06" ON "team_member" ("account_id");
CREATE UNIQUE INDEX "uid_tag_open" ON "tag" ("repository_id", "name") WHERE "ended_at_ms" IS NULL;
CREATE UNIQUE INDEX "uid_account_user_email" ON "account" ("email") WHERE "kind" = 'user';
CREATE INDEX "idx_event_recent" ON "event" ("created_at_ms");
CREATE INDEX "idx_repository_listing" ON "repository" ("visibility", "id");
CREATE INDEX "idx_team_member_listing" ON "team_member" ("account_id", "team_id");
CREATE INDEX "idx_tag_ended" ON "tag" ("repository_id", "ended_at_ms");
CREATE INDEX "idx_upload_age" ON "upload" ("created_at_ms");
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tortoise_migrations',2);
INSERT INTO "sqlite_sequence" VALUES('account',4);
INSERT INTO "sqlite_sequence" VALUES('event',26);
INSERT INTO "sqlite_sequence" VALUES('service_key',1);
INSERT INTO "sqlite_sequence" VALUES('team',2);
INSERT INTO "sqlite_sequence" VALUES('team_member',2);
INSERT INTO "sqlite_sequence" VALUES('robot',1);
INSERT INTO "sqlite_sequence" VALUES('access_token',1);
INSERT INTO "sqlite_sequence" VALUES('app_token',1);
INSERT INTO "sqlite_sequence" VALUES('repository',3);
INSERT INTO "sqlite_sequence" VALUES('repository_permission',4);
INSERT INTO "sqlite_sequence" VALUES('blob',6);
INSERT INTO "sqlite_sequence" VALUES('repository_blob',6);
INSERT INTO "sqlite_sequence" VALUES('manifest',4);
INSERT INTO "sqlite_sequence" VALUES('manifest_blob',6);
INSERT INTO "sqlite_sequence" VALUES('tag',6);
INSERT INTO "sqlite_sequence" VALUES('manifest_child',2);
INSERT INTO "sqlite_sequence" VALUES('job',2);
INSERT INTO "sqlite_sequence" VALUES('upload',1);
COMMIT;
